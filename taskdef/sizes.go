package taskdef

import (
	"encoding/json"
	"fmt"
	"math/big"
	"regexp"
	"strconv"
	"strings"
)

// MaxSize is the largest definition that RegisterTaskDefinition takes, in bytes of JSON.
const MaxSize = 64 << 10

// CheckSize refuses a definition whose text has n bytes if that is too many (task-definition.md 1). Validate asks it of
// the definition written without white space.
func CheckSize(n int) error {
	if n <= MaxSize {
		return nil
	}
	return &ValidationError{Code: CodeClient,
		Message: fmt.Sprintf("Actual length: '%d'. Max allowed length is '%d' bytes.", n, MaxSize)}
}

// size is the number of bytes that the definition has in a request.
func (td *TaskDefinition) size() int {
	data, err := json.Marshal(td.Input())
	if err != nil {
		panic(err) // strings, numbers, bools: there is nothing that could fail
	}
	return len(data)
}

// The spellings of task-definition.md 3.1. A bare number has no fraction.
var (
	plainSize  = regexp.MustCompile(`^\s*(\d+)\s*$`)
	vcpuSize   = regexp.MustCompile(`(?i)^\s*(\d+(?:\.\d+)?|\.\d+)\s*vcpu\s*$`)
	gigaSize   = regexp.MustCompile(`(?i)^\s*(\d+(?:\.\d+)?|\.\d+)\s*gb\s*$`)
	sizeFactor = big.NewRat(1024, 1)
)

// ParseCPU gives the CPU units of a task's cpu ("256", ".25 vCPU"); 1024 units are one processor.
func ParseCPU(s string) (int, error) {
	if n, ok := parseSize(s, vcpuSize); ok {
		return n, nil
	}
	return 0, &ValidationError{Code: CodeInvalidParameter, Path: "cpu", Message: "Invalid 'cpu' setting for task.",
		Hint: fmt.Sprintf("%q is neither CPU units (\"256\") nor processors (\".25 vCPU\")", s)}
}

// ParseMemory gives the MiB of a task's memory ("512", "0.5 GB").
func ParseMemory(s string) (int, error) {
	if n, ok := parseSize(s, gigaSize); ok {
		return n, nil
	}
	return 0, &ValidationError{Code: CodeInvalidParameter, Path: "memory", Message: "Invalid 'memory' setting for task.",
		Hint: fmt.Sprintf("%q is neither MiB (\"512\") nor gigabytes (\"0.5 GB\")", s)}
}

func parseSize(s string, unit *regexp.Regexp) (int, bool) {
	if len(s) > 64 {
		return 0, false
	}
	if m := plainSize.FindStringSubmatch(s); m != nil {
		n, err := strconv.ParseInt(m[1], 10, 32)
		return int(n), err == nil && n > 0
	}
	m := unit.FindStringSubmatch(s)
	if m == nil {
		return 0, false
	}
	number := m[1]
	if strings.HasPrefix(number, ".") {
		number = "0" + number
	}
	exact, ok := new(big.Rat).SetString(number)
	if !ok {
		return 0, false
	}
	exact.Mul(exact, sizeFactor)
	if !exact.IsInt() || !exact.Num().IsInt64() {
		return 0, false // a fraction that gives no whole unit
	}
	n := exact.Num().Int64()
	return int(n), n > 0 && n <= 1<<31-1
}

// fargateRow is a line of Fargate's table: memory in MiB from Min to Max in steps, or exactly List.
type fargateRow struct {
	cpu, min, max, step int
	list                []int
	windows             bool // also for Windows
}

var fargateTable = []fargateRow{ // task-definition.md 3.3
	{cpu: 256, list: []int{512, 1024, 2048}},
	{cpu: 512, min: 1024, max: 4096, step: 1024},
	{cpu: 1024, min: 2048, max: 8192, step: 1024, windows: true},
	{cpu: 2048, min: 4096, max: 16384, step: 1024, windows: true},
	{cpu: 4096, min: 8192, max: 30720, step: 1024, windows: true},
	{cpu: 8192, min: 16384, max: 61440, step: 4096},
	{cpu: 16384, min: 32768, max: 122880, step: 8192},
}

func (r fargateRow) has(memory int) bool {
	for _, m := range r.list {
		if m == memory {
			return true
		}
	}
	return r.step > 0 && memory >= r.min && memory <= r.max && (memory-r.min)%r.step == 0
}

// String says which memory goes with the row's CPU.
func (r fargateRow) String() string {
	if r.list != nil {
		return fmt.Sprintf("%d CPU goes with %s MiB", r.cpu, strings.Trim(fmt.Sprint(r.list), "[]"))
	}
	return fmt.Sprintf("%d CPU goes with %d to %d MiB in steps of %d", r.cpu, r.min, r.max, r.step)
}

// ValidFargateSize says whether Fargate has a configuration of these CPU units and MiB.
func ValidFargateSize(cpu, memory int, windows bool) bool {
	for _, r := range fargateTable {
		if r.cpu == cpu {
			return r.has(memory) && (!windows || r.windows)
		}
	}
	return false
}

// fargateSizeHint tells a person what would be valid instead.
func fargateSizeHint(cpu int) string {
	for _, r := range fargateTable {
		if r.cpu == cpu {
			return r.String()
		}
	}
	return "cpu is one of 256, 512, 1024, 2048, 4096, 8192, 16384"
}

// TaskCPU is the task-level cpu in units; 0 if it is absent or cannot be read.
func (td *TaskDefinition) TaskCPU() int {
	n, _ := ParseCPU(Value(td.CPU))
	return n
}

// TaskMemory is the task-level memory in MiB; 0 if it is absent or cannot be read.
func (td *TaskDefinition) TaskMemory() int {
	n, _ := ParseMemory(Value(td.Memory))
	return n
}
