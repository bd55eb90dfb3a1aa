package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"k8s.io/cri-streaming/pkg/streaming/remotecommand"
	utilexec "k8s.io/utils/exec"
)

// kubelet serves the paths under which kube-apiserver asks a node.
func kubelet(n *node, logs string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok") })
	mux.HandleFunc("GET /containerLogs/{namespace}/{pod}/{container}", n.containerLog)
	mux.HandleFunc("/exec/{namespace}/{pod}/{container}", n.execute)
	mux.HandleFunc("/attach/{namespace}/{pod}/{container}", n.execute)
	mux.HandleFunc("GET /stats/summary", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, n.summary()) })
	files := http.StripPrefix("/logs/", http.FileServer(http.Dir(logs)))
	mux.HandleFunc("GET /logs/", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Has("query") {
			nodeLog(w, r, logs)
			return
		}
		files.ServeHTTP(w, r)
	})
	return mux
}

// asked answers for itself where there is no such container.
func (n *node) asked(writer http.ResponseWriter, request *http.Request) (pod, string, bool) {
	found, known := n.pod(request.PathValue("namespace"), request.PathValue("pod"))
	if !known {
		http.Error(writer, fmt.Sprintf("pod %q does not exist", request.PathValue("pod")), http.StatusNotFound)
		return pod{}, "", false
	}
	name := request.PathValue("container")
	if _, known := found.container(name); !known {
		http.Error(writer, fmt.Sprintf("container %q not found in pod %q", name, found.Metadata.Name), http.StatusNotFound)
		return pod{}, "", false
	}
	return found, name, true
}

func (n *node) containerLog(writer http.ResponseWriter, request *http.Request) {
	found, name, known := n.asked(writer, request)
	if !known {
		return
	}
	query := request.URL.Query()
	text, printed := found.Metadata.Annotations[logAnnotation]
	if query.Get("previous") == "true" {
		if text, printed = found.Metadata.Annotations[previousAnnotation]; !printed {
			http.Error(writer, fmt.Sprintf("previous terminated container %q in pod %q not found", name, found.Metadata.Name), http.StatusBadRequest)
			return
		}
	}
	lines := strings.SplitAfter(text, "\n")
	if query.Get("timestamps") == "true" && text != "" {
		for index, line := range lines {
			lines[index] = found.Status.StartTime + " " + line
		}
	}
	io.WriteString(writer, limited(strings.Join(tail(lines, query.Get("tailLines")), ""), query.Get("limitBytes")))
	if query.Get("follow") == "true" {
		http.NewResponseController(writer).Flush()
		<-request.Context().Done()
	}
}

func tail(lines []string, count string) []string {
	if last := len(lines) - 1; lines[last] == "" {
		lines = lines[:last]
	}
	if wanted, err := strconv.Atoi(count); err == nil && wanted < len(lines) {
		return lines[len(lines)-wanted:]
	}
	return lines
}

func limited(text, bytes string) string {
	if most, err := strconv.Atoi(bytes); err == nil && most < len(text) {
		return text[:most]
	}
	return text
}

// nodeLog is what the kubelet answers for a service or a file by name.
func nodeLog(writer http.ResponseWriter, request *http.Request, logs string) {
	query := request.URL.Query()
	name := filepath.Base(query.Get("query"))
	text, err := os.ReadFile(filepath.Join(logs, name+".log"))
	if err != nil {
		text, err = os.ReadFile(filepath.Join(logs, name))
	}
	if err != nil {
		http.Error(writer, fmt.Sprintf("log not found for %s", name), http.StatusNotFound)
		return
	}
	io.WriteString(writer, strings.Join(tail(strings.SplitAfter(string(text), "\n"), query.Get("tailLines")), ""))
}

func (n *node) execute(writer http.ResponseWriter, request *http.Request) {
	found, name, known := n.asked(writer, request)
	if !known {
		return
	}
	streams, err := remotecommand.NewOptions(request)
	if err != nil {
		http.Error(writer, err.Error(), http.StatusBadRequest)
		return
	}
	remotecommand.ServeExec(
		writer, request, processes{}, found.Metadata.Name, found.Metadata.UID, name, request.URL.Query()["command"], streams,
		4*time.Hour, 30*time.Second, remotecommand.SupportedStreamingProtocols,
	)
}

// processes runs what is executed as a process of this machine, which knows nothing of its environment.
type processes struct{}

func (processes) ExecInContainer(
	ctx context.Context, _, _, _ string, command []string, in io.Reader, out, err io.WriteCloser, _ bool,
	_ <-chan remotecommand.TerminalSize, _ time.Duration,
) error {
	process := exec.CommandContext(ctx, command[0], command[1:]...)
	process.Env = []string{"PATH=/usr/local/bin:/usr/bin:/bin"}
	process.Dir = os.TempDir()
	process.WaitDelay = time.Second
	process.Stdin, process.Stdout = in, out
	if err != nil {
		process.Stderr = err
	}
	failure := process.Run()
	var ended *exec.ExitError
	switch {
	case failure == nil:
		return nil
	case errors.As(failure, &ended) && ended.Exited():
		return utilexec.CodeExitError{Err: failure, Code: ended.ExitCode()}
	case errors.As(failure, &ended): // by a signal
		return utilexec.CodeExitError{Err: failure, Code: 137}
	}
	return fmt.Errorf("OCI runtime exec failed: exec failed: unable to start container process: %w: unknown", failure)
}
