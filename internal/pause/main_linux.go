package pause

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
)

// Main is the whole program; args are those after its name. `routes` prints the machine's routes; without arguments
// it holds a namespace until SIGTERM. It returns the exit code.
func Main(args []string) int {
	debug.SetGCPercent(20) // hundreds of these may run: memory matters more than time
	if len(args) > 0 && args[0] == "routes" {
		return printRoutes()
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	go reap(ctx)
	if err := hold(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "pause:", err)
		return 1
	}
	return 0
}

// hold prepares the namespace, then serves its hatch until ctx ends.
func hold(ctx context.Context) error {
	address, err := ownAddress()
	if err != nil {
		return err
	}
	metadata, err := net.Listen("tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(MetadataPort)))
	if err != nil {
		return err
	}
	greeting := Greeting{Generation: rand.Text(), Ready: true, Cgroup: memoryCgroup()}
	if err := guard(MetadataPort); err != nil {
		greeting.Ready, greeting.Problem = false, err.Error()
		fmt.Fprintln(os.Stderr, "pause: 169.254.170.2 is not redirected:", err)
	}
	hatch, err := net.Listen("tcp4", net.JoinHostPort("", strconv.Itoa(HatchPort)))
	if err != nil {
		return err
	}
	server := &Server{Token: os.Getenv(EnvToken), Greeting: greeting, Address: address}
	if server.Token == "" {
		return errors.New(EnvToken + " is not set")
	}
	return server.Serve(ctx, hatch, metadata)
}

// ownAddress is the address that the task is known by.
func ownAddress() (netip.Addr, error) {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return netip.Addr{}, err
	}
	for _, a := range all {
		if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().Is4() && !p.Addr().IsLoopback() {
			return p.Addr(), nil
		}
	}
	return netip.Addr{}, errors.New("the namespace has no address")
}

// memoryCgroup is this process's path in the memory hierarchy of cgroup v1. The daemon puts the task's containers
// below it.
func memoryCgroup() string {
	raw, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(raw)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) == 3 && parts[1] == "memory" {
			return parts[2]
		}
	}
	return ""
}

// reap collects orphans that the kernel gives to process 1: containers may share its process namespace.
func reap(ctx context.Context) {
	children := make(chan os.Signal, 1)
	signal.Notify(children, syscall.SIGCHLD)
	defer signal.Stop(children)
	for {
		select {
		case <-ctx.Done():
			return
		case <-children:
		}
		for {
			pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil)
			if pid <= 0 || err != nil && !errors.Is(err, syscall.EINTR) {
				break
			}
		}
	}
}

func printRoutes() int {
	f, err := os.Open(RoutesFile)
	if err != nil {
		fmt.Fprintln(os.Stderr, "pause:", err)
		return 1
	}
	defer f.Close()
	if _, err := io.Copy(os.Stdout, f); err != nil {
		return 1
	}
	return 0
}
