package pause

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"net/netip"
	"os"
	"strconv"
	"strings"
)

// RoutesFile is where Linux tells its IPv4 routes.
const RoutesFile = "/proc/net/route"

// Route is a range that a machine reaches in a way of its own.
type Route struct {
	Prefix    netip.Prefix
	Interface string
}

// Routes gives this machine's IPv4 routes, without the default one.
func Routes() ([]Route, error) {
	f, err := os.Open(RoutesFile)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return ParseRoutes(f)
}

// ParseRoutes reads the text of RoutesFile: a heading, then lines of which the first is the interface, the second
// the destination and the eighth the mask, both in hexadecimal with the bytes of this processor's order (little).
func ParseRoutes(r io.Reader) ([]Route, error) {
	var routes []Route
	lines := bufio.NewScanner(r)
	for first := true; lines.Scan(); first = false {
		fields := strings.Fields(lines.Text())
		if first && (len(fields) == 0 || fields[0] != "Iface") {
			return nil, errors.New("not a table of routes")
		}
		if first || len(fields) < 8 {
			continue
		}
		address, errA := word(fields[1])
		mask, errM := word(fields[7])
		if errA != nil || errM != nil {
			return nil, errors.New("a route cannot be read: " + strconv.Quote(lines.Text()))
		}
		bits := ones(mask)
		if bits == 0 {
			continue
		}
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], address)
		routes = append(routes, Route{Prefix: netip.PrefixFrom(netip.AddrFrom4(b), bits).Masked(), Interface: fields[0]})
	}
	return routes, lines.Err()
}

func word(s string) (uint32, error) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != 4 {
		return 0, errors.New("not four bytes")
	}
	return binary.LittleEndian.Uint32(b), nil
}

// ones counts the leading ones of a mask.
func ones(mask uint32) int {
	n := 0
	for mask&(1<<31) != 0 {
		n, mask = n+1, mask<<1
	}
	return n
}
