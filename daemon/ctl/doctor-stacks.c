/* SPDX-License-Identifier: Apache-2.0 */
/* Findings on Stacks */

#include <fcntl.h>

#include "basic/string-util.h"
#include "ctl/doctor-stacks.h"
#include "profile/pprof.h"
#include "profile/profile-quality.h"
#include "profile/profile-stacks.h"
#include "view/format.h"

enum {
        STACKS_JUDGED_MIN = 50, /* fewer say nothing */
        SHARE_TOLD_PERCENT = 1, /* of all stacks; what costs less is not told */
        KINDS_TOLD_MAX = 3,     /* of one unit */
};

/* What the reason means, and what to do about it. */
typedef struct Advice {
        const char *reason;
        const char *meaning; /* "N of the stacks end in FILE: …" */
        const char *fix;
} Advice;

static const Advice advices[] = {
        { "truncated", "they are deeper than 256 frames",
          "nothing is wrong: the innermost 256 frames are kept; endless recursion looks like "
          "this." },
        { "no-table", "it has no call frame information, and its frame pointer leads nowhere",
          "build it with -fasynchronous-unwind-tables (the default) or -fno-omit-frame-pointer, "
          "and do not strip .eh_frame." },
        { "not-loaded", "its unwind table was not known yet when the sample was taken",
          "nothing, if the program was new or lived for a moment only; else see 'Files queued' in "
          "'profilerctl status'." },
        { "no-budget", "there was no memory for its unwind table",
          "raise UnwindMemoryMax= in profilerd.conf, then 'profilerctl reload'." },
        { "not-code", "the walk left the code that is known",
          "the program switches stacks by hand, or its call frame information is wrong there." },
        { "no-rule", "its call frame information says what no table can express",
          "build it with -fno-omit-frame-pointer." },
        { "no-register", "the way up leads over a register that was overwritten",
          "its call frame information is incomplete there: report it to whoever builds it." },
        { "no-memory", "the stack could not be read",
          "the program switches stacks by hand, or the stack was swapped out." },
        { "no-progress", "the caller's frame would not lie further out",
          "its call frame information is wrong there: report it to whoever builds it." },
};

static const char code_fix[] =
        "let the runtime keep frame pointers: java -XX:+PreserveFramePointer, node "
        "--interpreted-frames-native-stack, DOTNET_PerfMapEnabled=1, python3.12 -X perf.";

static bool is_memory(const ProfileMapping *m) {
        return m->filename[0] != '/' || startswith(m->filename, "//") ||
               startswith(m->filename, "/memfd:");
}

static void tell(Findings *f,
                 const UnitStatus *u,
                 const Profile *p,
                 const ProfileBrokenStacks *kind,
                 uint64_t all) {
        ProfileMapping m = { .filename = "" };
        const Advice *advice = NULL;
        const char *where;

        for (size_t i = 0; i < ELEMENTSOF(advices); i++)
                if (streq(advices[i].reason, kind->reason))
                        advice = &advices[i];
        if (kind->mapping != PROFILE_NONE)
                profile_get_mapping(p, kind->mapping, &m);

        if (advice && streq(kind->reason, "no-table") && is_memory(&m)) {
                findings_add(f, FINDING_WARN, code_fix,
                             "%s: %s of the stacks end in code that was made at run time%s%s%s",
                             u->name, FORMAT_SHARE(kind->stacks, all),
                             isempty(m.filename) ? "" : " (", m.filename,
                             isempty(m.filename) ? "" : ")");
                return;
        }
        where = isempty(m.filename) ? "unknown code" : m.filename;
        findings_add(f, FINDING_WARN, advice ? advice->fix : NULL,
                     "%s: %s of the stacks end in %s: %s", u->name, FORMAT_SHARE(kind->stacks, all),
                     where, advice ? advice->meaning : kind->reason);
}

bool doctor_check_stacks(Findings *f, const UnitStatus *u) {
        _cleanup_free_ ProfileBrokenStacks *kinds = NULL;
        _cleanup_(profile_freep) Profile *p = NULL;
        size_t n, n_before = f->n;
        uint64_t all;

        if (isempty(u->last_profile_path) ||
            pprof_read_file(AT_FDCWD, u->last_profile_path, &p, NULL) < 0 ||
            profile_count_broken_stacks(p, &kinds, &n, &all) < 0 || all < STACKS_JUDGED_MIN)
                return false;

        for (size_t i = 0; i < MIN(n, (size_t) KINDS_TOLD_MAX); i++)
                if ((double) kinds[i].stacks * 100 >= (double) all * SHARE_TOLD_PERCENT)
                        tell(f, u, p, &kinds[i], all);
        return f->n > n_before;
}
