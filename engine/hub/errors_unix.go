//go:build !windows

package hub

import "syscall"

const errDiskFull = syscall.ENOSPC
