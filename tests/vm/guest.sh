#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# What tools/vm-check runs in a machine with a stock kernel: loads each BPF object, runs the kernel
# tests, and drives the installed daemon under its unit. Writes TAP.
#
#     guest.sh load|tests|daemon|clock|hotplug|triggers|lockdown|legacy|no_pressure...
#
# Beside it: objects/ programs/ tests/ lib/ bpf-load
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
profiling_seconds=15
test_seconds=900
# The five that units/profilerd.service.in grants: BPF, PERFMON, SYS_PTRACE, DAC_READ_SEARCH,
# CHECKPOINT_RESTORE.
capabilities=000001c000080004
failures=0

# claim TITLE COMMAND...
claim() {
    local title=$1 output
    shift
    if output=$("$@" 2>&1); then
        echo "ok - $title"
    else
        echo "not ok - $title"
        ((++failures))
    fi
    [ -z "$output" ] || echo "${output//$'\n'/$'\n'    }" | sed '1s/^/    /'
}

show() { systemctl show --value -p "$2" "$1"; }

# ---- BPF objects and kernel tests ----

check_load() {
    systemd-run --quiet --wait --pipe --collect "$here/bpf-load" "$here"/objects/*.bpf.o || ((++failures))
}

# Emulated CPUs lose time to the host, and samples with it: these tests would measure its load.
inexact=" test_a_process_is_recorded_until_it_ends
    test_a_program_of_known_shares_comes_out_right
    test_a_session_of_a_cgroup_accounts_for_its_cpu_time
    test_a_target_is_sampled_at_its_frequency
    test_a_unit_may_have_a_frequency_of_its_own
    test_children_are_followed_from_their_first_instruction
    test_children_belong_to_a_process_only_if_they_are_asked_for
    test_half_of_the_events_weigh_twice_as_much
    test_nothing_is_lost_at_1000_hz
    test_sessions_of_one_frequency_share_their_samples
    test_short_lived_processes_are_all_accounted_for
    test_the_frequency_can_be_changed
    test_the_units_counts_stay_right_while_a_fast_session_runs
    test_the_units_profile_is_right_while_sessions_run "

# kernel_test PROGRAM: its cases are cases of ours.
kernel_test() {
    local name=${1##*/} status
    timeout --kill-after=5 "$test_seconds" env LD_LIBRARY_PATH="$here/lib" \
        PROFILERD_ELF=/usr/libexec/profilerd-elf TEST_PROGRAMS="$here/programs" "$1" 2>&1 | awk -v name="$name" -v inexact="${inexact//$'\n'/}" '
            /^not ok [0-9]/ && index(inexact, " " $NF " ") { print "    inexact here: " $0; next }
            /^not ok [0-9]/ { bad = 1 }
            /^(not )?ok [0-9]/ { sub(/ok [0-9]+ -/, "ok - " name ":"); print; fflush(); next }
            { print "    " $0 }
            END { exit bad }'
    status=("${PIPESTATUS[@]}")
    if ((status[0] >= 124)); then
        echo "not ok - $name: ended with status ${status[0]}"
        ((++failures))
    fi
    ((status[1] == 0)) || ((++failures))
}

check_tests() {
    local test
    for test in "$here"/tests/*; do
        kernel_test "$test"
    done
}

# ---- the daemon ----

is_stock() {
    local paranoid
    paranoid=$(cat /proc/sys/kernel/perf_event_paranoid)
    echo "perf_event_paranoid=$paranoid kptr_restrict=$(cat /proc/sys/kernel/kptr_restrict)"
    [ "$paranoid" = 3 ]
}

install() {
    systemd-sysusers profilerd.conf
    systemd-tmpfiles --create profilerd.conf
    systemctl reload dbus.service
    systemctl start profilerd-open.socket
}

has_its_capabilities() {
    local held
    held=$(sed -n 's/^CapEff:\t//p' "/proc/$(show profilerd.service MainPID)/status")
    echo "CapEff $held"
    [ "$held" = "$capabilities" ]
}

opener_was_used() {
    [ "$(show profilerd-open.service ExecMainStartTimestampMonotonic)" != 0 ]
}

# The load is gone before the windows are ended: what is left of the machine is little enough.
profile() {
    systemd-run --quiet --unit=split "$here/programs/split" 10 300
    systemd-run --quiet --unit=copy dd if=/dev/zero of=/dev/null bs=256k
    sleep "$profiling_seconds"
    systemctl stop split.service copy.service
    profilerctl flush
}

# share FUNCTION: in the report on the unit split, with what interrupted it; a whole number of percents.
share() {
    awk -v name="$1" '$3 == name { sub(/%/, "", $2); print int($2 + 0.5) }' <<<"$report"
}

functions_have_their_shares() {
    local half third fifth
    report=$(profilerctl report --no-pager split) || return 1
    echo "$report"
    half=$(share spend_half) third=$(share spend_third) fifth=$(share spend_fifth)
    ((half >= 40 && half <= 60 && third >= 20 && third <= 40 && fifth >= 10 && fifth <= 30))
}

kernel_has_names() {
    report=$(profilerctl report --no-pager copy) || return 1
    echo "$report"
    grep -q '\[k\] .*read' <<<"$report"
}

files_are_right() {
    local -a files
    mapfile -t files < <(find /var/lib/profilerd -name '*.pb.gz')
    ((${#files[@]} > 0)) && profilerctl verify "${files[@]}"
}

# An emulated machine may stand still for longer than the ring lasts.
lost_max=100 # one in so many

next_to_nothing_was_lost() {
    local lost samples
    profilerctl status --no-pager
    IFS=/ read -r lost samples < <(profilerctl status --no-pager |
        sed -n 's/^ *Lost \(.*\) of \(.*\) samples.*/\1\/\2/p' | tr -cd '0-9/\n')
    ((${lost:-0} * lost_max <= ${samples:-0}))
}

stops() {
    systemctl stop profilerd.service
    [ "$(show profilerd.service Result)" = success ]
}

has_no_warnings() {
    local warnings
    # What was lost is a claim of its own.
    warnings=$(journalctl --no-pager -q -p warning -t profilerd -t profilerd-open -t profilerd-elf |
        grep -v ': Lost [0-9]* of [0-9]* samples (ring-full [0-9]*)')
    echo "$warnings"
    [ -z "$warnings" ]
}

check_daemon() {
    claim "the kernel has Debian's settings" is_stock
    claim "profilerd can be installed" install
    claim "profilerd starts" systemctl start profilerd.service
    claim "profilerd has five capabilities" has_its_capabilities
    claim "profilerd-open was asked" opener_was_used
    claim "profilerd profiles" profile
    claim "functions have their shares" functions_have_their_shares
    claim "kernel functions have names" kernel_has_names
    claim "profiles keep the rules" files_are_right
    claim "next to nothing was lost" next_to_nothing_was_lost
    claim "profilerd stops" stops
    claim "profilerd had nothing to warn of" has_no_warnings
}

# ---- the clock is set ----

cpu_usec() { awk '$1 == "usage_usec" { print $2 }' "/sys/fs/cgroup$(show "$1" ControlGroup)/cpu.stat"; }

# What has been profiled of the unit busy.
profiled_usec() {
    profilerctl flush busy >/dev/null
    busctl --json=short get-property org.profilerd1 /org/profilerd1/unit/busy_2eservice org.profilerd1.Unit \
        CPUProfiledNSec | sed 's/[^0-9]//g; s/...$//'
}

# share_profiled COMMAND...: how much of the CPU time of busy is profiled while it runs and after it, in percent.
share_profiled() {
    local cpu profiled
    cpu=$(cpu_usec busy.service) profiled=$(profiled_usec)
    "$@" >&2 || return 1
    sleep 4
    profiled=$(($(profiled_usec) - profiled)) cpu=$(($(cpu_usec busy.service) - cpu))
    echo "$((profiled / 1000)) ms of $((cpu / 1000)) ms of CPU time were profiled" >&2
    echo $((profiled * 100 / cpu))
}

# follows COMMAND...: sampling goes on through it. An emulated CPU takes time of the host for its own and loses the
# ticks in it: what it profiles at the start, when nothing happens, is the measure.
follows() {
    local share
    share=$(share_profiled "$@") || return 1
    echo "$share %, at first $steady %"
    ((share >= steady / 2 && share <= 115))
}

starts_with_short_windows() {
    mkdir -p /etc/profilerd/profilerd.conf.d
    printf '[Profilerd]\nInterval=1s\n' >/etc/profilerd/profilerd.conf.d/10-vm.conf
    systemctl start profilerd.service
    systemd-run --quiet --unit=busy "$here/programs/split" 10 100000
    sleep 2
}

# In steps that an administrator, or a bad clock, may make.
set_clock() { date --set "$1" >/dev/null; }

# No window is longer than it may be, whatever the clock did.
windows_have_their_length() {
    local longest
    longest=$(profilerctl list busy --json=short -n 1000 | tr '{' '\n' |
        sed -n 's/.*"duration_usec": *\([0-9]*\).*/\1/p' | sort -n | tail -n 1)
    echo "the longest window has $((longest / 1000)) ms"
    ((longest > 500000 && longest < 2500000))
}

check_clock() {
    claim "profilerd can be installed" install
    claim "profilerd starts" starts_with_short_windows
    steady=$(share_profiled true 2>/dev/null)
    claim "what it profiles is no more than there is" test "$steady" -gt 0 -a "$steady" -le 115
    claim "the clock is set an hour ahead" follows set_clock "+1 hour"
    claim "the clock is set a day back" follows set_clock "-1 day"
    claim "windows have their length" windows_have_their_length
    claim "profiles keep the rules" files_are_right
    claim "next to nothing was lost" next_to_nothing_was_lost
    claim "profilerd stops" stops
}

# ---- CPUs come and go ----

cpus=/sys/devices/system/cpu

# The load runs on the CPU that goes, and on the one that came.
move_to_last_cpu() { taskset --all-tasks --pid --cpu-list 1 "$(show busy.service MainPID)" >/dev/null; }

cpu_goes() {
    move_to_last_cpu && sleep 1 && echo 0 >$cpus/cpu1/online && [ "$(cat $cpus/online)" = 0 ]
}

cpu_comes() {
    echo 1 >$cpus/cpu1/online && [ "$(cat $cpus/online)" = 0-1 ] && sleep 1 && move_to_last_cpu
}

check_hotplug() {
    claim "profilerd can be installed" install
    claim "profilerd starts" starts_with_short_windows
    steady=$(share_profiled true 2>/dev/null)
    claim "what it profiles is no more than there is" test "$steady" -gt 0 -a "$steady" -le 115
    claim "a CPU goes" follows cpu_goes
    claim "it comes back" follows cpu_comes
    claim "windows have their length" windows_have_their_length
    claim "profiles keep the rules" files_are_right
    claim "next to nothing was lost" next_to_nothing_was_lost
    claim "profilerd stops" stops
}

# ---- triggers ----

# trigger NAME LINE...: of the units held*.
trigger() {
    local name=$1
    shift
    mkdir -p /etc/profilerd/triggers.d
    printf '%s\n' '[Trigger]' 'Unit=held*' 'WindowSec=2s' 'DurationSec=1s' 'BeforeSec=4s' "$@" \
        >"/etc/profilerd/triggers.d/$name.conf"
    systemctl reload-or-restart profilerd.service
}

starts() {
    systemctl start profilerd.service && return
    journalctl --no-pager -q -o cat -u profilerd.service
    return 1
}

# What a trigger has said.
said() { journalctl --no-pager -q -o cat -t profilerd "PROFILERD_TRIGGER=$1"; }

# fires NAME WORDS
fires() {
    local _
    for _ in {1..60}; do
        said "$1" | grep -q "$2" && break
        sleep 0.5
    done
    said "$1"
    said "$1" | grep -q "$2"
}

recorded() {
    local -a files
    mapfile -t files < <(find "/var/lib/profilerd/$1.service" -name "$2.*.pb.gz")
    printf '%s\n' "${files[@]}"
    ((${#files[@]} > 0)) && profilerctl verify "${files[@]}"
}

throttled() {
    trigger throttled Throttled=50%
    systemd-run --quiet --unit=held-back -p CPUQuota=10% "$here/programs/split" 10 300
    fires throttled 'throttled [01]\.[0-9]*, limit 0.50, over 2s; recording'
}

waits_for_cpu() {
    trigger starved CPUPressure=30%
    systemd-run --quiet --unit=held-two -p CPUQuota=10% \
        sh -c "$here/programs/split 10 300 & exec $here/programs/split 10 300"
    fires starved 'cpu-pressure reached its limit 0.30 over 2s'
}

# What is in memory files cannot go anywhere, without swap.
waits_for_memory() {
    trigger tight MemoryPressure=20%
    systemd-run --quiet --unit=held-in -p MemoryHigh=8M -p CPUAccounting=yes \
        sh -c 'while :; do dd if=/dev/zero of=/dev/shm/held bs=64k count=800 2>/dev/null; done'
    fires tight 'memory-pressure reached its limit 0.20 over 2s'
}

check_triggers() {
    claim "profilerd can be installed" install
    claim "profilerd starts" starts
    claim "a unit that is throttled is recorded" throttled
    claim "a unit that waits for a CPU is recorded" waits_for_cpu
    claim "a unit that waits for memory is recorded" waits_for_memory
    sleep 3
    claim "what came of it is in the store" recorded held-back cpu-session
    claim "what came before is in the store" recorded held-back cpu-before
    claim "files are right" files_are_right
    claim "profilerd stops" stops
}

# ---- hosts that lack something ----

pressure_is_missed() {
    [ ! -e /proc/pressure ] || return 1
    trigger tight MemoryPressure=20% CPUPressure=20%
    systemd-run --quiet --unit=held sleep infinity
    sleep 3
    journalctl --no-pager -q -o cat -t profilerd -p warning
    [ "$(journalctl --no-pager -q -o cat -t profilerd -p warning | grep -c 'psi=1')" = 1 ]
}

check_no_pressure() {
    claim "profilerd can be installed" install
    claim "profilerd starts" starts
    claim "a kernel that counts no pressure is told of once" pressure_is_missed
    claim "profilerd stops" stops
}

# refuses WORDS: profilerd ends at once and for good, with one message that says what to do.
refuses() {
    local messages
    systemctl start profilerd.service && return 1
    sleep 3
    messages=$(journalctl --no-pager -q -o cat -t profilerd -p err)
    echo "$messages"
    echo "status $(show profilerd.service ExecMainStatus), $(show profilerd.service NRestarts) restarts"
    [ "$(show profilerd.service ExecMainStatus)" = 78 ] && [ "$(show profilerd.service NRestarts)" = 0 ] &&
        [ "$(wc -l <<<"$messages")" = 1 ] && grep -q "$1" <<<"$messages"
}

refuses_without_btf() {
    mkdir -p /run/systemd/system/profilerd.service.d
    printf '[Service]\nInaccessiblePaths=/sys/kernel/btf\n' >/run/systemd/system/profilerd.service.d/10-vm.conf
    systemctl daemon-reload
    systemctl reset-failed profilerd.service
    journalctl -q --rotate --vacuum-time=1us
    refuses "has no BTF"
}

check_lockdown() {
    claim "profilerd can be installed" install
    claim "a locked down kernel is told of" refuses "lockdown=integrity"
    claim "a kernel without BTF is told of" refuses_without_btf
}

check_legacy() {
    claim "profilerd can be installed" install
    claim "a host without cgroup v2 is told of" refuses "systemd.unified_cgroup_hierarchy=1"
}

echo "# kernel $(uname -r), $(systemctl --version | head -n 1)"
for part in "$@"; do
    "check_$part"
done
((failures == 0))
