package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const metricsVersion = "metrics.k8s.io/v1beta1"

// metrics is what metrics-server answers: each container uses as much as it requests, the node a little more.
func metrics(n *node) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /apis/metrics.k8s.io/v1beta1", func(w http.ResponseWriter, _ *http.Request) {
		verbs := []string{"get", "list"}
		writeJSON(w, object{"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": metricsVersion, "resources": []object{
			{"name": "nodes", "singularName": "", "namespaced": false, "kind": "NodeMetrics", "verbs": verbs},
			{"name": "pods", "singularName": "", "namespaced": true, "kind": "PodMetrics", "verbs": verbs},
		}})
	})
	mux.HandleFunc("GET /apis/metrics.k8s.io/v1beta1/nodes", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, list("NodeMetricsList", []object{n.nodeMetrics()}))
	})
	mux.HandleFunc("GET /apis/metrics.k8s.io/v1beta1/nodes/{name}", func(w http.ResponseWriter, r *http.Request) {
		if r.PathValue("name") != n.name {
			notFound(w, "nodes.metrics.k8s.io", r.PathValue("name"))
			return
		}
		writeJSON(w, n.nodeMetrics())
	})
	mux.HandleFunc("GET /apis/metrics.k8s.io/v1beta1/pods", n.podMetricsList)
	mux.HandleFunc("GET /apis/metrics.k8s.io/v1beta1/namespaces/{namespace}/pods", n.podMetricsList)
	mux.HandleFunc("GET /apis/metrics.k8s.io/v1beta1/namespaces/{namespace}/pods/{name}", func(w http.ResponseWriter, r *http.Request) {
		found, known := n.pod(r.PathValue("namespace"), r.PathValue("name"))
		if !known {
			notFound(w, "pods.metrics.k8s.io", r.PathValue("namespace")+"/"+r.PathValue("name"))
			return
		}
		writeJSON(w, podMetrics(found))
	})
	return mux
}

func (n *node) podMetricsList(writer http.ResponseWriter, request *http.Request) {
	items := []object{}
	for _, each := range n.all() {
		wanted := request.PathValue("namespace")
		if (wanted == "" || wanted == each.Metadata.Namespace) && each.has(request.URL.Query().Get("labelSelector")) {
			items = append(items, podMetrics(each))
		}
	}
	writeJSON(writer, list("PodMetricsList", items))
}

// has knows equality alone.
func (p pod) has(selector string) bool {
	for _, term := range strings.Split(selector, ",") {
		key, value, _ := strings.Cut(term, "=")
		if term != "" && p.Metadata.Labels[key] != value {
			return false
		}
	}
	return true
}

func podMetrics(p pod) object {
	containers := []object{}
	for _, each := range p.Spec.Containers {
		cpu, memory := each.uses()
		containers = append(containers, object{"name": each.Name, "usage": usage(cpu, memory)})
	}
	return measured("PodMetrics", object{"name": p.Metadata.Name, "namespace": p.Metadata.Namespace, "labels": p.Metadata.Labels}, object{"containers": containers})
}

func (n *node) nodeMetrics() object {
	cpu, memory := n.uses()
	return measured("NodeMetrics", object{"name": n.name}, object{"usage": usage(cpu, memory)})
}

// uses is in thousandths of a core and in bytes.
func (n *node) uses() (cpu, memory int64) {
	cpu, memory = 100, 512<<20
	for _, p := range n.all() {
		for _, each := range p.Spec.Containers {
			more, bytes := each.uses()
			cpu, memory = cpu+more, memory+bytes
		}
	}
	return cpu, memory
}

func (c container) uses() (cpu, memory int64) {
	cpu, memory = 5, 16<<20
	if asked := c.Resources.Requests["cpu"]; asked != "" {
		cpu = thousandths(asked)
	}
	if asked, isMi := strings.CutSuffix(c.Resources.Requests["memory"], "Mi"); isMi {
		if number, err := strconv.ParseInt(asked, 10, 64); err == nil {
			memory = number << 20
		}
	}
	return cpu, memory
}

func thousandths(quantity string) int64 {
	if milli, is := strings.CutSuffix(quantity, "m"); is {
		number, _ := strconv.ParseInt(milli, 10, 64)
		return number
	}
	number, _ := strconv.ParseFloat(quantity, 64)
	return int64(number * 1000)
}

func usage(cpu, memory int64) object {
	return object{"cpu": fmt.Sprintf("%dn", cpu*1_000_000), "memory": fmt.Sprintf("%dKi", memory>>10)}
}

func measured(kind string, metadata, more object) object {
	now := time.Now().UTC().Format(time.RFC3339)
	found := object{"kind": kind, "apiVersion": metricsVersion, "metadata": metadata, "timestamp": now, "window": "15s"}
	for key, value := range more {
		found[key] = value
	}
	return found
}

func list(kind string, items []object) object {
	return object{"kind": kind, "apiVersion": metricsVersion, "metadata": object{}, "items": items}
}

// summary is the kubelet's own statistics, as much of them as people read.
func (n *node) summary() object {
	now := time.Now().UTC().Format(time.RFC3339)
	figures := func(cpu, memory int64) object {
		return object{
			"cpu":    object{"time": now, "usageNanoCores": cpu * 1_000_000, "usageCoreNanoSeconds": cpu * 1_000_000_000},
			"memory": object{"time": now, "usageBytes": memory, "workingSetBytes": memory, "availableBytes": int64(8<<30) - memory},
		}
	}
	pods := []object{}
	for _, p := range n.all() {
		containers, cpu, memory := []object{}, int64(0), int64(0)
		for _, each := range p.Spec.Containers {
			more, bytes := each.uses()
			cpu, memory = cpu+more, memory+bytes
			found := figures(more, bytes)
			found["name"], found["startTime"] = each.Name, p.Status.StartTime
			containers = append(containers, found)
		}
		found := figures(cpu, memory)
		found["podRef"] = object{"name": p.Metadata.Name, "namespace": p.Metadata.Namespace, "uid": p.Metadata.UID}
		found["containers"] = containers
		pods = append(pods, found)
	}
	own := figures(n.uses())
	own["nodeName"], own["startTime"] = n.name, now
	room := object{"time": now, "availableBytes": int64(60 << 30), "capacityBytes": int64(100 << 30), "usedBytes": int64(40 << 30), "inodes": 1 << 20, "inodesFree": 1 << 19, "inodesUsed": 1 << 19}
	own["fs"] = room
	own["runtime"] = object{"imageFs": room}
	own["rlimit"] = object{"time": now, "maxpid": 4 << 20, "curproc": 321}
	return object{"node": own, "pods": pods}
}

func writeJSON(writer http.ResponseWriter, value any) {
	writer.Header().Set("Content-Type", "application/json")
	json.NewEncoder(writer).Encode(value)
}

func notFound(writer http.ResponseWriter, resource, name string) {
	writer.Header().Set("Content-Type", "application/json")
	writer.WriteHeader(http.StatusNotFound)
	writeJSON(writer, object{
		"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404,
		"message": fmt.Sprintf("%s %q not found", resource, name),
	})
}
