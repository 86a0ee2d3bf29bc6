// Command demo is the demonstration application as a program of its own; internal/demo says what it does.
package main

import (
	"os"

	"miniecs/internal/demo"
)

func main() { os.Exit(demo.Main(os.Args[1:])) }
