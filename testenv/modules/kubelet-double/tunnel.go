package main

import (
	"io"
	"log"
	"net"
	"net/http"
)

// tunnel is the proxy of kube-apiserver's egress selector, as in clusters whose nodes are in another network: it makes
// the node's address, where nothing listens, lead to loopback.
func tunnel() http.Handler {
	return http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
		host, port, err := net.SplitHostPort(request.Host)
		if request.Method != http.MethodConnect || err != nil || !leadsHere(host) {
			http.Error(writer, "this leads to loopback alone", http.StatusForbidden)
			return
		}
		there, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", port))
		if err != nil {
			http.Error(writer, err.Error(), http.StatusBadGateway)
			return
		}
		here, _, err := writer.(http.Hijacker).Hijack()
		if err != nil {
			log.Print(err)
			there.Close()
			return
		}
		io.WriteString(here, "HTTP/1.1 200 Connection established\r\n\r\n")
		go pass(here, there)
		go pass(there, here)
	})
}

func leadsHere(host string) bool {
	return host == nodeAddress || host == "localhost" || net.ParseIP(host).IsLoopback()
}

func pass(into, from net.Conn) {
	io.Copy(into, from)
	into.Close()
	from.Close()
}
