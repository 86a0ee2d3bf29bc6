// Command pause holds a task's network namespace. It runs in a container of its own, made by package
// runtime/engine/docker; internal/pause says what it does there.
package main

import (
	"os"

	"miniecs/internal/pause"
)

func main() { os.Exit(pause.Main(os.Args[1:])) }
