package main

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
)

type object = map[string]any

// cluster is as much of a Kubernetes client as a node needs; client-go would take minutes to build.
type cluster struct {
	server string
	client *http.Client
}

func newCluster(o options) *cluster {
	pair, err := tls.LoadX509KeyPair(o.cert, o.key)
	orDie(err)
	config := &tls.Config{RootCAs: pool(o.ca), Certificates: []tls.Certificate{pair}}
	return &cluster{o.server, &http.Client{Transport: &http.Transport{TLSClientConfig: config}}}
}

// send decodes the answer into `into` where it is not nil; statuses that are no success are errors.
func (c *cluster) send(method, path, contentType string, body, into any) error {
	answer, err := c.open(method, path, contentType, body)
	if err != nil {
		return err
	}
	defer answer.Close()
	if into == nil {
		_, err = io.Copy(io.Discard, answer)
		return err
	}
	return json.NewDecoder(answer).Decode(into)
}

func (c *cluster) open(method, path, contentType string, body any) (io.ReadCloser, error) {
	var sent io.Reader
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		sent = bytes.NewReader(data)
	}
	request, err := http.NewRequest(method, c.server+path, sent)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", contentType)
	request.Header.Set("User-Agent", "kubelet-double")
	answer, err := c.client.Do(request)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode >= 300 {
		defer answer.Body.Close()
		told, _ := io.ReadAll(io.LimitReader(answer.Body, 1000))
		return nil, &refusal{answer.StatusCode, fmt.Sprintf("%s %s: %d: %s", method, path, answer.StatusCode, told)}
	}
	return answer.Body, nil
}

type refusal struct {
	code int
	text string
}

func (r *refusal) Error() string { return r.text }

func itoa(number int) string { return strconv.Itoa(number) }
