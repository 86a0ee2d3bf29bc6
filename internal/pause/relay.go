package pause

import (
	"io"
	"net"
	"sync"
)

// relay copies both ways until both have ended. An end of one direction is passed on as such, so that requests that
// close their half work; a broken connection is passed on as a reset. Between two TCP connections the kernel copies.
func relay(a, b net.Conn) {
	var both sync.WaitGroup
	both.Go(func() { pass(a, b) })
	both.Go(func() { pass(b, a) })
	both.Wait()
}

func pass(to, from net.Conn) {
	_, err := io.Copy(to, from)
	if err != nil {
		reset(to)
		reset(from)
		return
	}
	if half, ok := to.(interface{ CloseWrite() error }); ok {
		half.CloseWrite()
		return
	}
	to.Close()
}

// reset ends a connection at once, with a TCP reset where it is one.
func reset(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
	conn.Close()
}
