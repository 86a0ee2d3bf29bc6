// Command guest is what the tests of package docker run in containers.
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func main() {
	signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	switch verb, arg := os.Args[1], strings.Join(os.Args[2:], " "); verb {
	case "serve": // an address: answers the host name
		go func() {
			name, _ := os.Hostname()
			fmt.Println(http.ListenAndServe(arg, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				io.WriteString(w, name)
			})))
			os.Exit(1)
		}()
		<-stop
	case "exit":
		code, _ := strconv.Atoi(arg)
		os.Exit(code)
	case "sleep":
		<-stop
	case "lines":
		fmt.Println("first")
		fmt.Println(strings.Repeat("x", 40<<10))
		fmt.Fprintln(os.Stderr, "to stderr")
		fmt.Print("no newline")
	case "get": // addresses: the status and time of each
		client := http.Client{Timeout: 5 * time.Second}
		for _, url := range os.Args[2:] {
			begin := time.Now()
			resp, err := client.Get(url)
			if err != nil {
				fmt.Printf("%s error slow=%t %v\n", url, time.Since(begin) > time.Second, err)
				continue
			}
			body, _ := io.ReadAll(resp.Body)
			fmt.Printf("%s %d slow=%t %s\n", url, resp.StatusCode, time.Since(begin) > time.Second, strings.TrimSpace(string(body)))
		}
	case "eat": // megabytes
		n, _ := strconv.Atoi(arg)
		var all [][]byte
		for range n {
			b := make([]byte, 1<<20)
			for i := range b {
				b[i] = 1
			}
			all = append(all, b)
		}
		fmt.Println(len(all), "eaten")
	}
}
