/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Names on the Bus
 *
 * Shared by the daemon's faces and by profilerctl. The reference is org.profilerd1(5).
 *
 * org.profilerd1.Manager at /org/profilerd1
 *   ListUnits() -> a(ssstso)   name, State, ActiveState, ControlGroupId, LastProfilePath, object
 *   GetUnit(s name) -> o
 *   Reload()
 *   Flush(s pattern) -> t      profiles written; "" is all units
 *   Pause(), Resume()
 *   Set(s unit, as assignments)   until the next boot; unit "" is the daemon
 *   GetOpenProfile(s unit) -> ay   pprof of the window that is open, empty: none is
 *   DumpState() -> h           text for people, a sealed memory file
 *   StartSession(s target, u frequency_hz, t duration_usec, a{sv} options) -> o
 *   Trigger(s trigger, s unit) -> o
 *   signal Triggered(s unit, s trigger, s reason, o session)
 *   ListSessions() -> a(ossuuttt)   object, target, State, UID, FrequencyHz, DurationUSec,
 *                                   ElapsedUSec, Samples
 *   signal ProfileWritten(s unit, s path, t samples, a{sv} details)   StartUSec t, DurationUSec t
 *   Version s, State s, Event s, StorePath s, Units as, FrequencyHz u, IntervalUSec t, StartedUSec
 * t, SamplesTotal t, SamplesLost t, CPUProfiledNSec t, ProfilesWritten t, ProfilesDropped t,
 *   ProfileBytes t, StoreUseBytes t, StoreRemoved t, MemoryBytes t, BPFMemoryBytes t, CPUUsageNSec
 * t, Descriptors t, Processes t, Files t, FilesQueued t, Losses a(sst) (reason, help, count),
 *   StoreMaxUseBytes t, CompactAfterUSec t
 *
 * org.profilerd1.Unit at /org/profilerd1/unit/ESCAPED
 *   Name s, State s, ActiveState s, ControlGroup s, ControlGroupId t, InvocationID ay, MainPID u,
 *   Error s, FrequencyHz u, IntervalUSec t, Types as, Labels a{ss}, LastProfilePath s,
 *   LastProfileUSec t, Waits t, WaitsNSec t,
 *   LastProfileDurationUSec t, LastProfileSamples t, LastProfileCPUNSec t, SamplesTotal t,
 *   SamplesLost t, CPUProfiledNSec t, FramesTotal t, FramesNamed t, StacksComplete t,
 *   StacksTruncated t, StacksBroken t, StacksNone t, StacksGuessed t,
 *   StackEnds a(st) (reason, count), ProfilesWritten t, ProfileBytes t
 *
 * org.profilerd1.Session at /org/profilerd1/session/NUMBER
 *   Stop(), Cancel(), GetResult(s format) -> h   "pprof", "folded", "json"; a sealed memory file
 *   signals Progress(t samples, t lost, t elapsed_usec), Finished(b has_result, s path)
 *   Target s, Unit s, UID u, FrequencyHz u, DurationUSec t, StartedUSec t, Types as, Kernel b,
 *   User b, Children b, Keep b, Restricted b, State s, Error s, StoredPath s, ElapsedUSec t,
 *   Samples t, Lost t, CPUNSec t, WaitsNSec t, StreamBytes t, StreamDropped t, ResultBytes t
 *
 * org.profilerd1.Upload, a name of its own, at /org/profilerd1/upload: org.profilerd1.Upload
 *   ListTargets() -> aa{sv}    Name s, Protocol s, URL s, State s, LastError s; Pending t,
 *     PendingBytes t, OldestPendingUSec t, Sent t, SentBytes t, Failures t, Rejected t, Expired t,
 *     Lost t, LastSentUSec t, LastErrorUSec t, NextTryUSec t
 *   Retry(s target)            "" is all targets
 *   signal TargetChanged(s target, s state)
 *   Version s
 */

#define BUS_DEFAULT_ADDRESS "unix:path=/run/dbus/system_bus_socket"

#define BUS_NAME              "org.profilerd1"
#define BUS_PATH              "/org/profilerd1"
#define BUS_UNIT_PREFIX       "/org/profilerd1/unit"
#define BUS_MANAGER_INTERFACE "org.profilerd1.Manager"
#define BUS_UNIT_INTERFACE    "org.profilerd1.Unit"
#define BUS_SESSION_PREFIX    "/org/profilerd1/session"
#define BUS_SESSION_INTERFACE "org.profilerd1.Session"

#define BUS_UPLOAD_NAME      "org.profilerd1.Upload"
#define BUS_UPLOAD_PATH      "/org/profilerd1/upload"
#define BUS_UPLOAD_INTERFACE "org.profilerd1.Upload"

#define BUS_ERROR_PREFIX            "org.profilerd1.Error."
#define BUS_ERROR_NO_SUCH_UNIT      "org.profilerd1.Error.NoSuchUnit"
#define BUS_ERROR_CONFIG_INVALID    "org.profilerd1.Error.ConfigInvalid"
#define BUS_ERROR_BUSY              "org.profilerd1.Error.Busy"
#define BUS_ERROR_STORE             "org.profilerd1.Error.StoreFailed"
#define BUS_ERROR_NO_SUCH_TARGET    "org.profilerd1.Error.NoSuchTarget"
#define BUS_ERROR_NO_SUCH_SESSION   "org.profilerd1.Error.NoSuchSession"
#define BUS_ERROR_TOO_MANY_SESSIONS "org.profilerd1.Error.TooManySessions"
#define BUS_ERROR_LIMIT_EXCEEDED    "org.profilerd1.Error.LimitExceeded"
#define BUS_ERROR_NO_RESULT         "org.profilerd1.Error.NoResult"
