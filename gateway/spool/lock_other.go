//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly || windows)

package spool

import (
	"errors"
	"os"
)

// tryLock refuses: without locks two processes could take the same folder.
func tryLock(*os.File) (bool, error) {
	return false, errors.New("this system has no file locks; switch the spool off")
}
