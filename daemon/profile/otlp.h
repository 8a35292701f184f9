/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * OpenTelemetry Profiles
 *
 * ProfilesData of opentelemetry.proto.profiles.v1development as protobuf: one profile for each type
 * of value, over a dictionary that all share. Its rules: entry 0 of each table is empty, no entry
 * is there twice, and none without being used.
 */

#include "profile/profile.h"

/* An attribute of the resource, that is of the service. */
typedef struct OtlpAttribute {
        const char *key, *value;
} OtlpAttribute;

/* With attributes beside, and instead of, those that the profile itself tells. */
int otlp_encode_with(Profile *p,
                     const OtlpAttribute *attributes,
                     size_t n_attributes,
                     uint8_t **ret,
                     size_t *ret_size);
/* *ret is a heap block. Samples without a value are left out. */
int otlp_encode(Profile *p, uint8_t **ret, size_t *ret_size);
