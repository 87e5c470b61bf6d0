// Command franz-go is twmb/franz-go behind the steps of the matrix of security (clients/README.md).
package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/oauth"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

type config struct {
	Bootstrap, Mechanism, User, Password, Token, Ca, Certificate, Key, Topic, Group string
	TimeoutMs                                                                      int
}

func (c config) limit() time.Duration { return time.Duration(c.TimeoutMs) * time.Millisecond }

func (c config) security() (kgo.Opt, error) {
	switch c.Mechanism {
	case "mTLS":
		pair, err := tls.LoadX509KeyPair(c.Certificate, c.Key)
		if err != nil {
			return nil, err
		}
		pem, err := os.ReadFile(c.Ca)
		if err != nil {
			return nil, err
		}
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM(pem)
		// Whatever the server asks for, this certificate is shown.
		show := func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
		return kgo.DialTLSConfig(&tls.Config{RootCAs: pool, GetClientCertificate: show}), nil
	case "PLAIN":
		return kgo.SASL(plain.Auth{User: c.User, Pass: c.Password}.AsMechanism()), nil
	case "SCRAM-SHA-256":
		return kgo.SASL(scram.Auth{User: c.User, Pass: c.Password}.AsSha256Mechanism()), nil
	case "SCRAM-SHA-512":
		return kgo.SASL(scram.Auth{User: c.User, Pass: c.Password}.AsSha512Mechanism()), nil
	case "OAUTHBEARER":
		return kgo.SASL(oauth.Auth{Token: c.Token}.AsMechanism()), nil
	}
	return nil, errors.New("unknown mechanism " + c.Mechanism)
}

func (c config) client(more ...kgo.Opt) (*kgo.Client, error) {
	secure, err := c.security()
	if err != nil {
		return nil, err
	}
	// Below the step's own limit: what the client says itself is to be seen.
	few := []kgo.Opt{kgo.RequestRetries(2), kgo.RetryTimeout(c.limit() / 2), kgo.RecordDeliveryTimeout(c.limit() / 2), kgo.RecordRetries(2)}
	return kgo.NewClient(append(append(few, kgo.SeedBrokers(c.Bootstrap), secure), more...)...)
}

var producer, consumer *kgo.Client

func produce(ctx context.Context, c config) (err error) {
	if producer == nil {
		if producer, err = c.client(kgo.DefaultProduceTopic(c.Topic)); err != nil {
			return err
		}
	}
	return producer.ProduceSync(ctx, kgo.StringRecord("hello")).FirstErr()
}

func consume(ctx context.Context, c config) (err error) {
	if consumer == nil {
		from := map[string]map[int32]kgo.Offset{c.Topic: {0: kgo.NewOffset().AtStart()}}
		if consumer, err = c.client(kgo.ConsumePartitions(from), kgo.FetchMaxWait(500*time.Millisecond)); err != nil {
			return err
		}
	}
	// A consumer goes on trying when its login fails, and says nothing.
	if err := consumer.Ping(ctx); err != nil {
		return err
	}
	for {
		fetches := consumer.PollFetches(ctx)
		if fetches.NumRecords() > 0 {
			return nil
		}
		if err := fetches.Err(); err != nil {
			return err
		}
	}
}

func main() {
	var c config
	if err := json.Unmarshal([]byte(os.Args[1]), &c); err != nil {
		panic(err)
	}
	steps := bufio.NewScanner(os.Stdin)
	for steps.Scan() {
		ctx, cancel := context.WithTimeout(context.Background(), c.limit())
		run := consume
		if steps.Text() == "produce" {
			run = produce
		}
		told := map[string]string{"step": steps.Text(), "error": ""}
		if err := run(ctx, c); err != nil {
			told["error"], told["said"] = fmt.Sprintf("%T", err)+" "+err.Error(), err.Error()
		}
		cancel()
		line, _ := json.Marshal(told)
		fmt.Println(string(line))
	}
}
