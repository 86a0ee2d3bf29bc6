package taskdef

import "testing"

func TestParseCPU(t *testing.T) {
	for in, want := range map[string]int{"256": 256, "1024": 1024, ".25 vCPU": 256, "0.5 vCPU": 512, "1 vCPU": 1024, "1vCPU": 1024, "1 vcpu": 1024, " 2 VCPU ": 2048, "0.125vcpu": 128} {
		if got, err := ParseCPU(in); err != nil || got != want {
			t.Errorf("%q: got %d, %v, want %d", in, got, err, want)
		}
	}
	for _, in := range []string{"", "bad", "0", "-1", "1.5", "0.0001 vCPU", "1 GB", "vCPU", "1e3", "99999999999", "99999999999 vCPU", "1,5 vCPU"} {
		got, err := ParseCPU(in)
		if e := First(err); e == nil || e.Code != CodeInvalidParameter || e.Message != cpuError {
			t.Errorf("%q: got %d, %v", in, got, err)
		}
	}
}

func TestParseMemory(t *testing.T) {
	for in, want := range map[string]int{"512": 512, "0.5 GB": 512, "1GB": 1024, "1 GB": 1024, "2 gb": 2048, ".5gb": 512} {
		if got, err := ParseMemory(in); err != nil || got != want {
			t.Errorf("%q: got %d, %v, want %d", in, got, err, want)
		}
	}
	for _, in := range []string{"", "1 vCPU", "0", "0 GB", "1 MB", "0.3333 GB"} {
		got, err := ParseMemory(in)
		if e := First(err); e == nil || e.Message != "Invalid 'memory' setting for task." {
			t.Errorf("%q: got %d, %v", in, got, err)
		}
	}
}

func TestValidFargateSize(t *testing.T) {
	count := map[int]int{}
	for cpu := 0; cpu <= 32768; cpu += 128 {
		for memory := 0; memory <= 262144; memory += 512 {
			if ValidFargateSize(cpu, memory, false) {
				count[cpu]++
			}
		}
	}
	want := map[int]int{256: 3, 512: 4, 1024: 7, 2048: 13, 4096: 23, 8192: 12, 16384: 12}
	for cpu, n := range want {
		if count[cpu] != n {
			t.Errorf("%d CPU has %d sizes, want %d", cpu, count[cpu], n)
		}
	}
	if len(count) != len(want) {
		t.Errorf("sizes %v", count)
	}
	for _, no := range [][2]int{{256, 4096}, {256, 1536}, {512, 1536}, {8192, 17408}, {16384, 36864}, {1024, 1024}} {
		if ValidFargateSize(no[0], no[1], false) {
			t.Errorf("%v is valid", no)
		}
	}
	if ValidFargateSize(512, 1024, true) || !ValidFargateSize(1024, 2048, true) || ValidFargateSize(8192, 16384, true) {
		t.Error("Windows has 1024 to 4096 units")
	}
}
