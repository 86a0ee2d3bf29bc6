package pause

import "os"

// Called tells whether this process is to be the pause, whatever binary it was started from.
func Called() bool { return os.Getenv(EnvRole) == Role }
