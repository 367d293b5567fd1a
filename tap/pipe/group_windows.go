package pipe

import (
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/windows"
)

// group is the job object of a loader and its children; 0 if there is none.
type group windows.Handle

// ownGroup gives a program a process group of its own, so that Ctrl-C does not reach it.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: windows.CREATE_NEW_PROCESS_GROUP}
}

func groupOf(p *os.Process) group {
	job, err := windows.CreateJobObject(nil, nil)
	if err != nil {
		return 0
	}
	process, err := windows.OpenProcess(windows.PROCESS_SET_QUOTA|windows.PROCESS_TERMINATE, false,
		uint32(p.Pid))
	if err == nil {
		err = windows.AssignProcessToJobObject(job, process)
		_ = windows.CloseHandle(process)
	}
	if err != nil {
		_ = windows.CloseHandle(job)
		return 0
	}
	return group(job)
}

func (g group) kill() {
	if g != 0 {
		_ = windows.TerminateJobObject(windows.Handle(g), 1)
	}
}

func (g group) close() {
	if g != 0 {
		_ = windows.CloseHandle(windows.Handle(g))
	}
}
