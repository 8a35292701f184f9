# SPDX-License-Identifier: Apache-2.0
"""Fifteen checks that a service which belongs to systemd passes, and the tests that are them.

They run with all others under the systemd of Debian 12, and by tools/systemd-check under newer ones. What needs no
booted systemd is elsewhere: the list of installed files is the guard `install`.
"""

CHECKS = {
    "Lint: systemd-analyze has nothing to say of the unit files": [
        "test_service.py::test_unit_files_are_free_of_complaints",
    ],
    "Hardening: a low exposure, and five capabilities in the process": [
        "test_service.py::test_exposure_score_is_low",
        "test_service.py::test_main_process_has_the_five_capabilities_and_no_more",
    ],
    "Readiness: what was started answers at once, and says what it does": [
        "test_service.py::test_bus_answers_as_soon_as_the_start_command_returns",
        "test_watchdog.py::test_status_is_there_when_the_start_command_returns",
    ],
    "Introspection: every object has its interfaces, and the control group of its unit": [
        "test_bus_api.py::test_every_object_has_its_interfaces",
        "test_service.py::test_managed_objects_list_the_targets",
    ],
    "Delegation: a process in a control group below belongs to the unit": [
        "test_units.py::test_delegated_cgroups_belong_to_their_unit",
    ],
    "Restart: each invocation has its profile, also after a crash": [
        "test_units.py::test_restarted_unit_has_a_profile_for_each_invocation",
        "test_units.py::test_crashed_unit_is_profiled_again_when_systemd_restarts_it",
    ],
    "Globs: transient units come and go without a reload, and leave their last profile": [
        "test_units.py::test_glob_takes_up_transient_units_without_a_reload",
        "test_units.py::test_stopped_unit_leaves_its_last_profile_without_a_flush",
    ],
    "Politeness: PID 1 is not made to load units that stopped": [
        "test_units.py::test_stopping_units_does_not_make_systemd_load_them_again",
    ],
    "Continuity: no gap over daemon-reload, daemon-reexec and a restart of the bus": [
        "test_units.py::test_sampling_has_no_gap_over_a",
        "test_units.py::test_sampling_has_no_gap_over_a_restart_of_the_bus",
    ],
    "Reload: it is in force when the command returns, or fails and names file and line": [
        "test_configuration.py::test_reload_is_in_effect_when_the_command_returns",
        "test_configuration.py::test_reload_of_a_broken_file_fails_and_keeps_the_old_settings",
        "test_configuration.py::test_complaint_in_the_journal_carries_file_and_line",
    ],
    "Watchdog and crash: a daemon that hangs is started again, and no file is half": [
        "test_watchdog.py::test_hung_daemon_is_ended_and_started_again",
        "test_store.py::test_files_are_whole_and_no_complete_window_is_lost_after_any_number_of_kills",
    ],
    "Logs: the catalog explains what was said of a unit, systemctl sets the level": [
        "test_journal.py::test_journalctl_explains_what_was_said_of_a_unit",
        "test_bus_api.py::test_systemctl_sets_the_log_level",
    ],
    "Access: everybody sees the state, nobody else the profiles, and no secret is told": [
        "test_service.py::test_unprivileged_caller_may_read_the_state",
        "test_service.py::test_unprivileged_caller_may_not",
        "test_service.py::test_unprivileged_caller_cannot_read_the_store",
        "test_upload_service.py::test_a_credential_of_systemd_reaches_the_program",
    ],
    "Names through the sandbox: a deleted program in a private home, and the kernel": [
        "test_processes.py::test_executable_in_a_private_home_deleted_while_it_runs_has_names",
        "test_ground_truth.py::test_kernel_frames_are_named_under_the_hardened_unit",
    ],
    "Degradation: one message with the remedy and no loop, oldest profiles first": [
        "test_service.py::test_kernel_that_refuses_events_ends_in_exit_78_with_the_remedy",
        "test_store.py::test_full_disk_is_survived_counted_and_recovered_from",
        "test_store.py::test_oldest_files_go_first_when_the_limit_is_reached",
    ],
}

TESTS = {test for tests in CHECKS.values() for test in tests}
