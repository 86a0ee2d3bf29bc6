package spell

import "testing"

func TestNearest(t *testing.T) {
	known := []string{"environment", "environmentFiles", "essential", "image"}
	tests := map[string]string{
		"enviroment": "environment", "Environment": "environment", "imgae": "image", "esential": "essential",
		"portMappings": "", "": "", "x": "",
	}
	for s, want := range tests {
		if got := Nearest(s, known); got != want {
			t.Errorf("Nearest(%q) = %q; want %q", s, got, want)
		}
	}
}
