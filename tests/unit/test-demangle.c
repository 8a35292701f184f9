/* SPDX-License-Identifier: Apache-2.0 */
/* Demangling */

#include "elf/demangle.h"
#include "unit-test.h"

static void assert_demangled(const char *symbol, const char *expected) {
        _cleanup_free_ char *s = demangle(symbol, 4096);

        if (expected) {
                assert_non_null(s);
                assert_string_equal(s, expected);
        } else
                assert_null(s);
}

static void test_c_names_are_left_alone(void **state) {
        assert_demangled("main", NULL);
        assert_demangled("memcpy", NULL);
        assert_demangled("", NULL);
        assert_demangled("_start", NULL);
        assert_demangled("i", NULL); /* "int", for a demangler of types */
}

static void test_cxx_names_have_parameters(void **state) {
        assert_demangled("_Z3addii", "add(int, int)");
        assert_demangled("_ZNK3foo3barEv", "foo::bar() const");
        assert_demangled("_ZN3fooC1ERKS_", "foo::foo(foo const&)");
        assert_demangled("_Znwm", "operator new(unsigned long)");
}

static void test_cxx_templates_have_no_return_type(void **state) {
        assert_demangled("_Z3maxIiET_S0_S0_", "max<int>(int, int)");
}

static void test_parts_of_functions_say_so(void **state) {
        assert_demangled("_Z3addii.cold", "add(int, int) [clone .cold]");
        assert_demangled("_Z3addii.constprop.0", "add(int, int) [clone .constprop.0]");
}

static void test_rust_names_have_no_hash(void **state) {
        assert_demangled("_ZN4core3fmt9Formatter3pad17h0123456789abcdefE",
                         "core::fmt::Formatter::pad");
        assert_demangled("_ZN60_$LT$alloc..string..String$u20$as$u20$core..fmt..Display$GT$"
                         "3fmt17h0123456789abcdefE",
                         "<alloc::string::String as core::fmt::Display>::fmt");
        assert_demangled("_RNvCs1234_7mycrate3foo", "mycrate::foo");
        assert_demangled("_RNvNtCs1234_7mycrate3foo3bar", "mycrate::foo::bar");
}

static void test_go_names_have_no_calling_convention(void **state) {
        _cleanup_free_ char *name = demangle("runtime.memmove.abi0", 100);

        assert_string_equal(name, "runtime.memmove");
        assert_null(demangle(".abi0", 100));
}

static void test_broken_manglings_are_no_names(void **state) {
        assert_demangled("_Z", NULL);
        assert_demangled("_ZN", NULL);
        assert_demangled("_Z999999999999999999999f", NULL);
        assert_demangled("_R", NULL);
        assert_demangled("_RNvC", NULL);
        assert_demangled("_Zfoo@@@", NULL);
}

static void test_output_is_cut(void **state) {
        _cleanup_free_ char *s = demangle("_Z3addii", 5);

        assert_non_null(s);
        assert_string_equal(s, "add(i");
}

/* Each template argument is a pair of the one before: 2^60 characters, if one let it. */
static void test_a_bomb_costs_no_more_than_its_limit(void **state) {
        static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
        _cleanup_free_ char *s = NULL;
        char symbol[1024] = "_Z1f";
        size_t n = strlen(symbol);

        /* f(P<X,X>, P<S,S>, …): S1_ is P<X,X>, and S<k>_ the pair of S<k-1>_. */
        n += (size_t) snprintf(symbol + n, sizeof(symbol) - n, "1PI1XS0_E");
        for (size_t i = 1; i < 60; i++) {
                char k[3] = { digits[i / 36], digits[i % 36], '\0' };

                n += (size_t) snprintf(symbol + n, sizeof(symbol) - n, "S_IS%s_S%s_E",
                                       i < 36 ? k + 1 : k, i < 36 ? k + 1 : k);
        }

        s = demangle(symbol, 4096);
        assert_non_null(s);
        assert_int_equal(strlen(s), 4096);
}

static void test_deep_nesting_does_not_exhaust_the_stack(void **state) {
        _cleanup_free_ char *symbol = malloc(1 << 20);

        assert_non_null(symbol);
        memset(symbol, 'P', 1 << 20);
        memcpy(symbol, "_Z1f", 4);
        strcpy(symbol + (1 << 20) - 2, "i");
        assert_demangled(symbol, NULL);

        memcpy(symbol, "_RYYY", 5);
        memset(symbol + 5, 'Y', (1 << 20) - 6);
        assert_demangled(symbol, NULL);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_c_names_are_left_alone),
                cmocka_unit_test(test_cxx_names_have_parameters),
                cmocka_unit_test(test_cxx_templates_have_no_return_type),
                cmocka_unit_test(test_parts_of_functions_say_so),
                cmocka_unit_test(test_rust_names_have_no_hash),
                cmocka_unit_test(test_go_names_have_no_calling_convention),
                cmocka_unit_test(test_broken_manglings_are_no_names),
                cmocka_unit_test(test_output_is_cut),
                cmocka_unit_test(test_a_bomb_costs_no_more_than_its_limit),
                cmocka_unit_test(test_deep_nesting_does_not_exhaust_the_stack),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
