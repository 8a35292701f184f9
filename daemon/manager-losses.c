/* SPDX-License-Identifier: Apache-2.0 */
/* Losses */

#include "manager-losses.h"

size_t manager_losses_list(const ProfilerStatistics *s, ManagerLoss *ret) {
        const ManagerLoss losses[] = {
                { "ring-full", "The daemon did not read samples in time; the host is overloaded.",
                  true, s->sampler_loss.samples[LOSS_RING_FULL] },
                { "no-pid", "The task is not visible in the daemon's pid namespace.", true,
                  s->sampler_loss.samples[LOSS_NO_PID] },
                { "waits-full", "More threads wait at once than there is room for.", true,
                  s->sampler_loss.samples[LOSS_WAITS_FULL] + s->waits_evicted },
                { "session-ring-full",
                  "Sessions brought more than the daemon could read; lower their frequencies.",
                  false, s->sampler_loss.samples[LOSS_SESSIONS] },
                { "session-children",
                  "A child could not be followed by a session: there are too many processes.",
                  false, s->sampler_loss.samples[LOSS_CHILDREN] },
                { "queue-full", "More arrived between two reads than memory is set aside for.",
                  true, s->sampler_loss.queue },
                { "malformed", "A record did not make sense; please report this.", true,
                  s->sampler_loss.malformed },
                { "unit-gone", "The unit stopped between sample and reading.", true,
                  s->lost_without_unit },
                { "window-full",
                  "More different stacks in one window than it holds; shorten Interval=.", true,
                  s->lost_window_full },
                { "not-stored", "Profiles could not be written; see the journal and the disk.",
                  true, s->lost_unwritten },
                { "process-records",
                  "The kernel had no room for records about processes; mappings are read again.",
                  false, s->sampler_loss.records },
                { "processes-evicted",
                  "More processes than are kept at once; the longest dead went first.", false,
                  s->processes.evicted },
                { "mappings-refused",
                  "A process has more executable mappings than are kept; some frames have no file.",
                  false, s->processes.mappings_refused },
                { "maps-unread",
                  "A process was gone, or out of reach, before its mappings were read.", false,
                  s->processes.maps_failed },
                { "tables-refused",
                  "No memory for the unwind table of a file; raise UnwindMemoryMax=.", false,
                  s->unwind.refused_files },
                { "processes-unloaded",
                  "No memory for the mappings of a process; its stacks go by frame pointer.", false,
                  s->unwind.refused_processes },
                { "files-unread",
                  "profilerd-elf could not make an index; the frames of that file have no names.",
                  false, s->indexes.failed },
                { "files-served",
                  "A file lies on a file system that a user serves (FUSE), who might not answer; "
                  "its "
                  "frames have no names.",
                  false, s->files_served },
                { "code-names-refused",
                  "More names of code made at run time than are kept; some of it has no names.",
                  false, s->code.refused },
        };

        _Static_assert(ELEMENTSOF(losses) <= MANAGER_LOSSES_MAX, "there is room for all");
        memcpy(ret, losses, sizeof(losses));
        return ELEMENTSOF(losses);
}
