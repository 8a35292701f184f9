/* SPDX-License-Identifier: Apache-2.0 */
/* Where Stacks Ended */

#include "profile/profile-stacks.h"
#include "basic/string-util.h"

static const char *find_reason(const ProfileSample *s) {
        for (size_t i = 0; i < s->n_labels; i++)
                if (s->labels[i].string && streq(s->labels[i].key, PROFILE_STACK_END_LABEL))
                        return s->labels[i].string;
        return NULL;
}

static uint64_t add_counts(uint64_t a, uint64_t b) {
        uint64_t sum;

        return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

static uint32_t outermost_mapping(const Profile *p, const ProfileSample *s) {
        ProfileLocation l;

        if (s->n_locations == 0)
                return PROFILE_NONE;
        profile_get_location(p, s->locations[s->n_locations - 1], &l);
        return l.mapping;
}

static int by_stacks(const void *a, const void *b) {
        const ProfileBrokenStacks *x = a, *y = b;

        return (y->stacks > x->stacks) - (y->stacks < x->stacks);
}

int profile_count_broken_stacks(Profile *p,
                                ProfileBrokenStacks **ret,
                                size_t *ret_n,
                                uint64_t *ret_all) {
        int count_type = profile_find_value_type(p, "samples");
        _cleanup_free_ ProfileBrokenStacks *kinds = NULL;
        uint64_t all = 0;
        size_t n = 0;

        kinds = calloc(PROFILE_BROKEN_STACKS_MAX, sizeof(*kinds));
        if (!kinds)
                return -ENOMEM;

        for (size_t i = 0; i < profile_n_samples(p); i++) {
                const char *reason;
                ProfileSample s;
                uint32_t mapping;
                uint64_t count;
                size_t k = 0;

                profile_get_sample(p, i, &s);
                count = count_type < 0 ? 1 : (uint64_t) MAX(s.values[count_type], (int64_t) 0);
                all = add_counts(all, count);
                reason = find_reason(&s);
                if (!reason)
                        continue;
                mapping = outermost_mapping(p, &s);
                while (k < n && (kinds[k].mapping != mapping || !streq(kinds[k].reason, reason)))
                        k++;
                if (k == PROFILE_BROKEN_STACKS_MAX)
                        continue;
                if (k == n)
                        kinds[n++] = (ProfileBrokenStacks){ .reason = reason, .mapping = mapping };
                kinds[k].stacks = add_counts(kinds[k].stacks, count);
        }

        qsort(kinds, n, sizeof(*kinds), by_stacks);
        *ret = TAKE_PTR(kinds);
        *ret_n = n;
        *ret_all = all;
        return 0;
}
