/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Go Fixture: programs that Go's own compiler makes. */

#include "elf-fixture.h"

/* false: this host has no Go. */
static inline bool fixture_go(const char *dir, const char *name, const char *options) {
        return run("cd %s && env HOME=%s GOCACHE=%s/cache GO111MODULE=off CGO_ENABLED=0 go build "
                   "%s -o %s "
                   "%s/elf/inlines.go 2>/dev/null",
                   dir, dir, dir, options, name, TEST_DATA);
}
