// informer keeps a client-go informer's cache of one resource and shows it on demand, so that a test can hold the cache
// against a list. What the reflector asked for is shown too: a test that means WatchList must see that it was WatchList.
//
// Each line on standard input asks a question and gets one line of JSON: "cache" the objects by namespace and name,
// "requests" the method, path and query of each request so far. It ends with standard input. Whether it uses WatchList
// is decided as in any other client-go program, by KUBE_FEATURE_WatchListClient.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/metadata/metadatainformer"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
)

func main() {
	kubeconfig := flag.String("kubeconfig", "", "path of the kubeconfig")
	resource := flag.String("resource", "", "PLURAL.VERSION.GROUP")
	namespace := flag.String("namespace", metav1.NamespaceAll, "all namespaces when empty")
	metadataOnly := flag.Bool("metadata", false, "keep metadata alone, as the garbage collector does")
	flag.Parse()
	if err := run(*kubeconfig, *resource, *namespace, *metadataOnly); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(kubeconfig, resource, namespace string, metadataOnly bool) error {
	gvr, _ := schema.ParseResourceArg(resource)
	if gvr == nil {
		return fmt.Errorf("%q is not PLURAL.VERSION.GROUP", resource)
	}
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	asked := &requests{}
	config.Wrap(asked.record)
	informer, err := newInformer(config, *gvr, namespace, metadataOnly)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	go informer.Informer().RunWithContext(ctx)
	if !cache.WaitForCacheSync(ctx.Done(), informer.Informer().HasSynced) {
		return fmt.Errorf("the cache of %s never synced", resource)
	}
	return answer(informer.Informer().GetStore(), asked)
}

func newInformer(config *rest.Config, gvr schema.GroupVersionResource, namespace string, metadataOnly bool) (informers.GenericInformer, error) {
	const never = time.Duration(0)
	indexers := cache.Indexers{}
	if metadataOnly {
		client, err := metadata.NewForConfig(config)
		if err != nil {
			return nil, err
		}
		return metadatainformer.NewFilteredMetadataInformer(client, gvr, namespace, never, indexers, nil), nil
	}
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	return dynamicinformer.NewFilteredDynamicInformer(client, gvr, namespace, never, indexers, nil), nil
}

func answer(store cache.Store, asked *requests) error {
	out := json.NewEncoder(os.Stdout)
	if err := out.Encode("synced"); err != nil {
		return err
	}
	questions := bufio.NewScanner(os.Stdin)
	for questions.Scan() {
		var err error
		switch question := questions.Text(); question {
		case "cache":
			err = out.Encode(byKey(store))
		case "requests":
			err = out.Encode(asked.list())
		default:
			err = fmt.Errorf("no question %q; there are cache and requests", question)
		}
		if err != nil {
			return err
		}
	}
	return questions.Err()
}

func byKey(store cache.Store) map[string]any {
	objects := map[string]any{}
	for _, key := range store.ListKeys() {
		if object, exists, err := store.GetByKey(key); err == nil && exists {
			objects[key] = object
		}
	}
	return objects
}

type requests struct {
	mutex sync.Mutex
	seen  []string
}

func (r *requests) record(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(request *http.Request) (*http.Response, error) {
		r.mutex.Lock()
		r.seen = append(r.seen, request.Method+" "+request.URL.RequestURI())
		r.mutex.Unlock()
		return next.RoundTrip(request)
	})
}

func (r *requests) list() []string {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return append([]string{}, r.seen...)
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(request *http.Request) (*http.Response, error) { return f(request) }
