// SPDX-License-Identifier: Apache-2.0

// What an ordinary Go program does with its system; test/conformance/wasi_programs.py compares the output.
package main

import (
	"bufio"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"sync"
	"time"
)

func main() {
	fmt.Println("args", os.Args[1:], "FOO", os.Getenv("FOO"))
	n := 0
	sc := bufio.NewScanner(os.Stdin)
	for sc.Scan() {
		n += len(strings.Fields(sc.Text()))
	}
	fmt.Println("words", n)
	must(os.MkdirAll("/data/go/deep/dir", 0o755))
	must(os.WriteFile("/data/go/deep/dir/f.txt", []byte("written by go\n"), 0o644))
	b, err := os.ReadFile("/data/go/deep/dir/f.txt")
	must(err)
	fmt.Printf("%x\n", sha256.Sum256(b))
	var names []string
	must(filepath.WalkDir("/data/go", func(p string, d fs.DirEntry, err error) error {
		names = append(names, p)
		return err
	}))
	sort.Strings(names)
	fmt.Println(names)
	_, err = os.Open("/data/none")
	fmt.Println(errors.Is(err, fs.ErrNotExist))
	st, err := os.Stat("/data/go/deep")
	must(err)
	fmt.Println(st.IsDir())
	must(os.RemoveAll("/data/go"))
	var wg sync.WaitGroup
	var mu sync.Mutex
	sum := 0
	for i := 0; i < 100; i++ {
		wg.Add(1)
		go func() {
			defer wg.Done()
			time.Sleep(time.Millisecond)
			mu.Lock()
			sum += i
			mu.Unlock()
		}()
	}
	wg.Wait()
	j, _ := json.Marshal(map[string]int{"sum": sum})
	fmt.Println(string(j))
	fmt.Fprintln(os.Stderr, "to stderr")
	os.Exit(len(os.Args) + 20)
}

func must(err error) {
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
}
