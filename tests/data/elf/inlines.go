// SPDX-License-Identifier: Apache-2.0

// Functions that are inlined into each other, a method, a closure, and a wrapper that the compiler
// makes.
package main

import (
	"fmt"
	"os"
	"sort"
	"strings"
)

type worker struct{ m map[string][]int }

func innermost(a, b int) int { return a*b + 3 }

func middle(a, b int) int { return innermost(a, b) + 1 }

func (w *worker) outer(n int) int {
	sum := 0
	for i := 0; i < n; i++ {
		key := fmt.Sprint(i % 7)
		w.m[key] = append(w.m[key], middle(i, n))
		sum += strings.Count(key, "1")
	}
	var all []int
	for _, v := range w.m {
		all = append(all, v...)
	}
	sort.Slice(all, func(i, j int) bool { return all[i] < all[j] })
	return sum + all[0]
}

func main() {
	w := &worker{map[string][]int{}}
	fmt.Println(w.outer(len(os.Args) * 10))
}
