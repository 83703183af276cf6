//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly || windows)

package hub

import (
	"errors"
	"os"
)

// tryLock refuses: without locks two processes could write the same file.
func tryLock(*os.File) (bool, error) {
	return false, errors.New("this system has no file locks; pass a path to a model file instead")
}
