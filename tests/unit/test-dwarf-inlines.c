/* SPDX-License-Identifier: Apache-2.0 */
/* Inlined Functions of DWARF: of C++ and Rust, where they have scopes and mangled names */

#include "elf-fixture.h"

static const char cpp[] =
        "#include <algorithm>\\n#include <map>\\n#include <string>\\n"
        "#include <vector>\\n#include <cstdio>\\n"
        "namespace app { template <class T> struct Box { T v;\\n"
        "template <class F> auto apply(F f) const { return f(v); } }; }\\n"
        "int main(int n, char **) {\\n"
        "std::map<std::string, std::vector<int>> m;\\n"
        "for (int i = 0; i < n; i++) m[std::to_string(i)].push_back(i);\\n"
        "std::vector<int> v;\\n"
        "for (auto &p : m) v.insert(v.end(), p.second.begin(), p.second.end());\\n"
        "std::sort(v.begin(), v.end(), [](int a, int b) { return a > b; });\\n"
        "app::Box<int> b{n};\\n"
        "return b.apply([&](int x) { return x + v[0]; }); }\\n";

static const char rust[] = "use std::collections::HashMap;\\n"
                           "#[inline(always)]\\n"
                           "fn add(m: &mut HashMap<usize, Vec<usize>>, i: usize) {\\n"
                           "    m.entry(i %% 7).or_default().push(i);\\n}\\n"
                           "fn main() {\\n    let mut m = HashMap::new();\\n"
                           "    for i in 0..std::env::args().count() { add(&mut m, i); }\\n"
                           "    println!(\\\"{}\\\", m.len());\\n}\\n";

static void check(void **state, const char *suffix, const char *source, const char *compile) {
        _cleanup_(index_file_unrefp) IndexFile *f = NULL;
        const char *dir = *state;

        if (!fixture_has_symbolizer())
                skip();
        assert_true(run("printf \"%s\" > %s/program.%s", source, dir, suffix));
        if (!run("cd %s && %s -o inlines program.%s 2>/dev/null", dir, compile, suffix))
                skip();
        f = fixture_index(dir, "inlines", NULL);
        assert_int_equal(index_file_get_line_info(f)->state, INDEX_LINES_WHOLE);
        assert_true(fixture_compare_frames(f, dir, "inlines", 0, 0x80000, 13) > 100);
}

static void test_frames_of_cpp_by_gcc(void **state) {
        check(state, "cpp", cpp, "g++ -std=c++17 -O2 -g");
}

static void test_frames_of_cpp_by_clang(void **state) {
        check(state, "cpp", cpp, "clang++ -std=c++17 -O2 -g");
}

static void test_frames_of_rust(void **state) {
        check(state, "rs", rust, "rustc -O -g");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_frames_of_cpp_by_gcc),
                cmocka_unit_test(test_frames_of_cpp_by_clang),
                cmocka_unit_test(test_frames_of_rust),
        };

        return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
