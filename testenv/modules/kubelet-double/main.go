// A node for a test cluster that has none: what a kubelet and metrics-server show of themselves, without running Pods.
//
// kube-apiserver reaches it as it reaches a real node: it turns the WebSocket of an exec into SPDY, reads logs and
// statistics over TLS with its own client certificate, and asks metrics.k8s.io through the aggregation layer. Pods are
// bound to it and said to run; only what is executed in them is a real process, on the machine of the test.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"flag"
	"log"
	"net"
	"net/http"
	"os"
	"time"
)

// The address of the node: kube-apiserver proxies to no loopback address, so it is one of those set aside for tests
// (RFC 2544), and nothing listens there: tunnel.go leads it to loopback.
const nodeAddress = "198.18.0.1"

type options struct {
	node, server, ca, cert, key, frontProxyCA, servingCert, servingKey, tunnel, logs string
	kubelet, metrics                                                                 int
	schedule                                                                         bool
}

func main() {
	var o options
	flag.StringVar(&o.node, "node", "double", "name of the Node")
	flag.StringVar(&o.server, "server", "", "URL of kube-apiserver")
	flag.StringVar(&o.ca, "ca", "", "authority of kube-apiserver and of its clients, PEM")
	flag.StringVar(&o.cert, "cert", "", "client certificate towards kube-apiserver, PEM")
	flag.StringVar(&o.key, "key", "", "its key")
	flag.StringVar(&o.frontProxyCA, "front-proxy-ca", "", "authority of the front proxy, PEM")
	flag.StringVar(&o.servingCert, "serving-cert", "", "certificate of the kubelet and metrics servers, PEM")
	flag.StringVar(&o.servingKey, "serving-key", "", "its key")
	flag.StringVar(&o.tunnel, "tunnel", "", "socket on which kube-apiserver asks for connections")
	flag.StringVar(&o.logs, "logs", "", "folder of the node's own logs")
	flag.IntVar(&o.kubelet, "kubelet-port", 0, "port of the kubelet API on loopback")
	flag.IntVar(&o.metrics, "metrics-port", 0, "port of metrics.k8s.io on loopback")
	flag.BoolVar(&o.schedule, "schedule", true, "bind Pods that have no node, as no scheduler runs")
	flag.Parse()

	cluster := newCluster(o)
	node := &node{name: o.node, cluster: cluster, schedule: o.schedule, port: o.kubelet, pods: map[string]pod{}}
	go serve(listen("unix", o.tunnel), tunnel())
	go serve(secure(o, o.kubelet, o.ca), kubelet(node, o.logs))
	go serve(secure(o, o.metrics, o.frontProxyCA), metrics(node))
	node.live()
}

func serve(listener net.Listener, handler http.Handler) {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	log.Fatal(server.Serve(listener))
}

// secure takes only clients whose certificate the authority has issued.
func secure(o options, port int, authority string) net.Listener {
	pair, err := tls.LoadX509KeyPair(o.servingCert, o.servingKey)
	orDie(err)
	config := &tls.Config{
		Certificates: []tls.Certificate{pair},
		ClientCAs:    pool(authority),
		ClientAuth:   tls.RequireAndVerifyClientCert,
		NextProtos:   []string{"http/1.1"}, // SPDY upgrades need it
	}
	return tls.NewListener(listen("tcp", net.JoinHostPort("127.0.0.1", itoa(port))), config)
}

func listen(network, address string) net.Listener {
	listener, err := net.Listen(network, address)
	orDie(err)
	return listener
}

func pool(path string) *x509.CertPool {
	pem, err := os.ReadFile(path)
	orDie(err)
	found := x509.NewCertPool()
	if !found.AppendCertsFromPEM(pem) {
		log.Fatalf("%s holds no certificate", path)
	}
	return found
}

func orDie(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
