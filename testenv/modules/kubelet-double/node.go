package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Annotations by which a test says how a Pod fares.
const (
	logAnnotation      = "double.fairlead.dev/log"          // what each of its containers has printed
	previousAnnotation = "double.fairlead.dev/previous-log" // before its last restart
	unreadyAnnotation  = "double.fairlead.dev/unready"      // any value: it runs and is never ready
	exitAnnotation     = "double.fairlead.dev/exit"         // it has ended with this code
	waitingAnnotation  = "double.fairlead.dev/waiting"      // "Reason: message" for which its containers never start
)

type pod struct {
	Metadata struct {
		Name, Namespace, UID string
		ResourceVersion      string `json:"resourceVersion"`
		Labels, Annotations  map[string]string
		DeletionTimestamp    string `json:"deletionTimestamp"`
	} `json:"metadata"`
	Spec struct {
		NodeName   string      `json:"nodeName"`
		Containers []container `json:"containers"`
	} `json:"spec"`
	Status struct {
		Phase      string `json:"phase"`
		StartTime  string `json:"startTime"`
		Conditions []struct{ Type, Status string }
	} `json:"status"`
}

type container struct {
	Name, Image string
	Resources   struct{ Requests map[string]string }
}

func (p pod) key() string { return p.Metadata.Namespace + "/" + p.Metadata.Name }

func (p pod) path() string {
	return "/api/v1/namespaces/" + p.Metadata.Namespace + "/pods/" + p.Metadata.Name
}

func (p pod) container(name string) (container, bool) {
	for _, each := range p.Spec.Containers {
		if each.Name == name {
			return each, true
		}
	}
	return container{}, false
}

type node struct {
	name     string
	cluster  *cluster
	schedule bool
	port     int

	lock sync.Mutex
	pods map[string]pod
}

// live registers the node and looks after its Pods until the process ends.
func (n *node) live() {
	for {
		if err := n.register(); err != nil {
			log.Print(err)
		} else if err := n.follow(); err != nil {
			log.Print(err)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func (n *node) register() error {
	made := object{
		"apiVersion": "v1", "kind": "Node",
		"metadata": object{"name": n.name, "labels": object{"kubernetes.io/hostname": n.name}},
	}
	if err := n.cluster.send("POST", "/api/v1/nodes", "application/json", made, nil); err != nil && !is(err, 409) {
		return err
	}
	room := object{"cpu": "4", "memory": "8Gi", "pods": "500", "ephemeral-storage": "100Gi"}
	now := time.Now().UTC().Format(time.RFC3339)
	status := object{"status": object{
		// No Hostname: kube-apiserver would take that before any address.
		"addresses":       []object{{"type": "InternalIP", "address": nodeAddress}},
		"daemonEndpoints": object{"kubeletEndpoint": object{"Port": n.port}},
		"capacity":        room, "allocatable": room,
		"conditions": []object{{
			"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "it is a double",
			"lastHeartbeatTime": now, "lastTransitionTime": now,
		}},
		"nodeInfo": object{
			"kubeletVersion": "v1.36.3", "osImage": "double", "kernelVersion": "none", "containerRuntimeVersion": "double://1",
			"machineID": "", "systemUUID": "", "bootID": "", "kubeProxyVersion": "", "operatingSystem": "linux", "architecture": "amd64",
		},
	}}
	return n.cluster.send("PATCH", "/api/v1/nodes/"+n.name+"/status", "application/merge-patch+json", status, nil)
}

// follow returns when the watch ends.
func (n *node) follow() error {
	var list struct {
		Metadata struct {
			ResourceVersion string `json:"resourceVersion"`
		}
		Items []pod
	}
	if err := n.cluster.send("GET", "/api/v1/pods", "", nil, &list); err != nil {
		return err
	}
	n.lock.Lock()
	n.pods = map[string]pod{}
	n.lock.Unlock()
	for _, each := range list.Items {
		n.take("ADDED", each)
	}
	stream, err := n.cluster.open("GET", "/api/v1/pods?watch=1&resourceVersion="+list.Metadata.ResourceVersion, "", nil)
	if err != nil {
		return err
	}
	defer stream.Close()
	log.Printf("%s follows its Pods", n.name)
	events := json.NewDecoder(stream)
	for {
		var event struct {
			Type   string
			Object pod
		}
		if err := events.Decode(&event); err != nil {
			return fmt.Errorf("the watch has ended: %w", err)
		}
		if event.Type == "ERROR" {
			return errors.New("the watch has expired")
		}
		n.take(event.Type, event.Object)
	}
}

func (n *node) take(kind string, p pod) {
	if p.Spec.NodeName != n.name && p.Spec.NodeName != "" {
		return
	}
	n.lock.Lock()
	if kind == "DELETED" {
		delete(n.pods, p.key())
	} else if p.Spec.NodeName != "" {
		n.pods[p.key()] = p
	}
	n.lock.Unlock()
	if kind == "DELETED" {
		return
	}
	if err := n.settle(p); err != nil && !is(err, 404) && !is(err, 409) {
		log.Print(err)
	}
}

// settle does the one thing that a Pod needs next.
func (n *node) settle(p pod) error {
	switch {
	case p.Spec.NodeName == "" && p.Metadata.DeletionTimestamp == "" && n.schedule:
		binding := object{
			"apiVersion": "v1", "kind": "Binding", "metadata": object{"name": p.Metadata.Name},
			"target": object{"apiVersion": "v1", "kind": "Node", "name": n.name},
		}
		return n.cluster.send("POST", p.path()+"/binding", "application/json", binding, nil)
	case p.Spec.NodeName == "":
		return nil
	case p.Metadata.DeletionTimestamp != "":
		options := object{"gracePeriodSeconds": 0, "preconditions": object{"uid": p.Metadata.UID}}
		return n.cluster.send("DELETE", p.path(), "application/json", options, nil)
	}
	phase, ready := p.wanted()
	if p.Status.Phase == phase && p.ready() == ready && p.Status.StartTime != "" {
		return nil
	}
	return n.cluster.send("PATCH", p.path()+"/status", "application/merge-patch+json", object{"status": p.status(phase, ready)}, nil)
}

func (p pod) wanted() (phase string, ready bool) {
	if code, ends := p.Metadata.Annotations[exitAnnotation]; ends {
		if code == "0" {
			return "Succeeded", false
		}
		return "Failed", false
	}
	if _, waits := p.Metadata.Annotations[waitingAnnotation]; waits {
		return "Pending", false
	}
	_, unready := p.Metadata.Annotations[unreadyAnnotation]
	return "Running", !unready
}

func (p pod) ready() bool {
	for _, each := range p.Status.Conditions {
		if each.Type == "Ready" {
			return each.Status == "True"
		}
	}
	return false
}

func (p pod) status(phase string, ready bool) object {
	now := p.Status.StartTime
	if now == "" {
		now = time.Now().UTC().Format(time.RFC3339)
	}
	conditions := []object{}
	for kind, holds := range map[string]bool{"PodScheduled": true, "Initialized": true, "ContainersReady": ready, "Ready": ready} {
		condition := object{"type": kind, "status": map[bool]string{true: "True", false: "False"}[holds], "lastTransitionTime": now}
		if !holds {
			condition["reason"] = "ContainersNotReady"
		}
		conditions = append(conditions, condition)
	}
	slices.SortFunc(conditions, func(a, b object) int { return len(a["type"].(string)) - len(b["type"].(string)) })
	state := object{"running": object{"startedAt": now}}
	if phase == "Pending" {
		reason, message, _ := strings.Cut(p.Metadata.Annotations[waitingAnnotation], ": ")
		state = object{"waiting": object{"reason": reason, "message": message}}
	} else if phase != "Running" {
		code, _ := strconv.Atoi(p.Metadata.Annotations[exitAnnotation])
		state = object{"terminated": object{"exitCode": code, "startedAt": now, "finishedAt": now, "reason": map[bool]string{true: "Completed", false: "Error"}[code == 0]}}
	}
	restarts := 0
	if _, restarted := p.Metadata.Annotations[previousAnnotation]; restarted {
		restarts = 1
	}
	statuses := []object{}
	for _, each := range p.Spec.Containers {
		statuses = append(statuses, object{
			"name": each.Name, "image": each.Image, "imageID": "double://" + each.Image, "containerID": "double://" + p.Metadata.UID,
			"ready": ready, "started": phase == "Running", "restartCount": restarts, "state": state,
		})
	}
	return object{
		"phase": phase, "startTime": now, "hostIP": nodeAddress, "podIP": "10.88.0.1",
		"podIPs": []object{{"ip": "10.88.0.1"}}, "conditions": conditions, "containerStatuses": statuses,
	}
}

func (n *node) pod(namespace, name string) (pod, bool) {
	n.lock.Lock()
	defer n.lock.Unlock()
	found, known := n.pods[namespace+"/"+name]
	return found, known
}

// all is in the order of their names.
func (n *node) all() []pod {
	n.lock.Lock()
	defer n.lock.Unlock()
	found := []pod{}
	for _, key := range slices.Sorted(maps.Keys(n.pods)) {
		found = append(found, n.pods[key])
	}
	return found
}

func is(err error, code int) bool {
	var refused *refusal
	return errors.As(err, &refused) && refused.code == code
}
