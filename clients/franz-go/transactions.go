package main

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

const patience = 30 * time.Second

// transactions tells what comes of each scenario of a transactional producer, a line `name <tab> outcome` each.
func transactions(bootstrap, topic string) error {
	scenarios := map[string]func(bootstrap, topic, id string) (string, error){
		"abort":   abortScenario,
		"commit":  commitScenario,
		"fencing": fencingScenario,
		"offsets": offsetsScenario,
		"timeout": timeoutScenario,
	}
	names := make([]string, 0, len(scenarios))
	for name := range scenarios {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		outcome, err := scenarios[name](bootstrap, topic, topic+"-"+name)
		if err != nil {
			outcome = "failed: " + nameOf(err)
		}
		fmt.Printf("%s\t%s\n", name, outcome)
	}
	return nil
}

func nameOf(err error) string {
	var told *kerr.Error
	if err == nil {
		return "done"
	}
	if errors.As(err, &told) {
		return told.Message
	}
	return err.Error()
}

func transactional(bootstrap, id string, timeout time.Duration) (*kgo.Client, error) {
	client, err := kgo.NewClient(
		kgo.SeedBrokers(bootstrap),
		kgo.TransactionalID(id),
		kgo.TransactionTimeout(timeout),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
	)
	if err != nil {
		return nil, err
	}
	return client, nil
}

func send(client *kgo.Client, topic, key string, partitions ...int32) error {
	records := make([]*kgo.Record, 0, len(partitions))
	for _, partition := range partitions {
		value := fmt.Sprintf("v%d", partition)
		records = append(records, &kgo.Record{Topic: topic, Partition: partition, Key: []byte(key), Value: []byte(value)})
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return client.ProduceSync(ctx, records...).FirstErr()
}

func end(client *kgo.Client, how kgo.TransactionEndTry) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return client.EndTransaction(ctx, how)
}

// read gives what is there under a key, once nothing has come for a while.
func read(bootstrap, topic, key string, level kgo.IsolationLevel) (string, error) {
	client, err := kgo.NewClient(
		kgo.SeedBrokers(bootstrap),
		kgo.ConsumeTopics(topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(level),
		kgo.FetchMaxWait(100*time.Millisecond),
	)
	if err != nil {
		return "", err
	}
	defer client.Close()
	found := []string{}
	for last := time.Now(); time.Since(last) < 1500*time.Millisecond; {
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		client.PollFetches(ctx).EachRecord(func(record *kgo.Record) {
			last = time.Now()
			if string(record.Key) == key {
				found = append(found, string(record.Value))
			}
		})
		cancel()
	}
	sort.Strings(found)
	return strings.Join(found, ","), nil
}

func abortScenario(bootstrap, topic, id string) (string, error) {
	client, err := transactional(bootstrap, id, time.Minute)
	if err != nil {
		return "", err
	}
	defer client.Close()
	for _, each := range []struct {
		partitions []int32
		how        kgo.TransactionEndTry
	}{{[]int32{0, 1}, kgo.TryAbort}, {[]int32{1, 2}, kgo.TryCommit}} {
		if err := client.BeginTransaction(); err != nil {
			return "", err
		}
		if err := send(client, topic, id, each.partitions...); err != nil {
			return "", err
		}
		if err := end(client, each.how); err != nil {
			return "", err
		}
	}
	committed, err := read(bootstrap, topic, id, kgo.ReadCommitted())
	if err != nil {
		return "", err
	}
	all, err := read(bootstrap, topic, id, kgo.ReadUncommitted())
	return committed + " " + all, err
}

func commitScenario(bootstrap, topic, id string) (string, error) {
	client, err := transactional(bootstrap, id, time.Minute)
	if err != nil {
		return "", err
	}
	defer client.Close()
	if err := client.BeginTransaction(); err != nil {
		return "", err
	}
	if err := send(client, topic, id, 0, 1, 2); err != nil {
		return "", err
	}
	before, err := read(bootstrap, topic, id, kgo.ReadCommitted())
	if err != nil {
		return "", err
	}
	if err := end(client, kgo.TryCommit); err != nil {
		return "", err
	}
	after, err := read(bootstrap, topic, id, kgo.ReadCommitted())
	return "[" + before + "] " + after, err
}

func fencingScenario(bootstrap, topic, id string) (string, error) {
	clients := []*kgo.Client{}
	for partition := int32(0); partition < 2; partition++ {
		client, err := transactional(bootstrap, id, time.Minute)
		if err != nil {
			return "", err
		}
		defer client.Close()
		if err := client.BeginTransaction(); err != nil {
			return "", err
		}
		if err := send(client, topic, id, partition); err != nil {
			return "", err
		}
		clients = append(clients, client)
	}
	late := nameOf(send(clients[0], topic, id, 2))
	ended := nameOf(end(clients[0], kgo.TryCommit))
	if err := end(clients[1], kgo.TryCommit); err != nil {
		return "", err
	}
	found, err := read(bootstrap, topic, id, kgo.ReadCommitted())
	return late + " " + ended + " " + found, err
}

// offsetsScenario consumes and produces in one session: an abort commits no offset, a commit does.
func offsetsScenario(bootstrap, topic, id string) (string, error) {
	session, err := kgo.NewGroupTransactSession(
		kgo.SeedBrokers(bootstrap),
		kgo.TransactionalID(id),
		kgo.ConsumerGroup(id),
		kgo.ConsumeTopics(topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.RequireStableFetchOffsets(),
	)
	if err != nil {
		return "", err
	}
	defer session.Close()
	admin := kadm.NewClient(session.Client())
	outcomes := []string{}
	for _, how := range []kgo.TransactionEndTry{kgo.TryAbort, kgo.TryCommit} {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		fetches := session.PollFetches(ctx)
		if fetches.NumRecords() == 0 {
			return "nothing to read", nil
		}
		if err := session.Begin(); err != nil {
			return "", err
		}
		if err := send(session.Client(), topic, id, 1); err != nil {
			return "", err
		}
		committed, err := session.End(ctx, how)
		if err != nil {
			return "", err
		}
		offsets, err := admin.FetchOffsets(ctx, id)
		// Apache Kafka answers the end of a transaction before its offsets are there.
		for begun := time.Now(); err == nil && committed && len(offsets.Offsets()) == 0 && time.Since(begun) < patience; {
			offsets, err = admin.FetchOffsets(ctx, id)
		}
		if err != nil {
			return "", err
		}
		outcomes = append(outcomes, fmt.Sprintf("%t %t", committed, len(offsets.Offsets()) > 0))
	}
	found, err := read(bootstrap, topic, id, kgo.ReadCommitted())
	return strings.Join(append(outcomes, found), " "), err
}

func timeoutScenario(bootstrap, topic, id string) (string, error) {
	client, err := transactional(bootstrap, id, time.Second)
	if err != nil {
		return "", err
	}
	defer client.Close()
	if err := client.BeginTransaction(); err != nil {
		return "", err
	}
	if err := send(client, topic, id, 0); err != nil {
		return "", err
	}
	// Several times as long as brokers look for what is open too long.
	time.Sleep(4 * time.Second)
	ended := nameOf(end(client, kgo.TryCommit))
	found, err := read(bootstrap, topic, id, kgo.ReadCommitted())
	return ended + " [" + found + "]", err
}
