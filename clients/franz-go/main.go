// Command franz-go is twmb/franz-go behind the command line that every program of the matrix speaks (clients/README.md).
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"sort"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

func main() {
	args := os.Args[1:]
	if len(args) == 3 && args[0] == "transactions" {
		if err := transactions(args[1], args[2]); err != nil {
			fail(err)
		}
		return
	}
	if len(args) < 4 {
		fail(errors.New("usage: create|produce|consume|admin …"))
	}
	var err error
	switch args[0] {
	case "create":
		err = create(args[1], args[2], number(args[3]))
	case "produce":
		err = produce(args[1], args[2], number(args[3]), number(args[4]))
	case "consume":
		err = consume(args[1], args[2], args[3])
	case "admin":
		err = admin(args[1], args[2], args[3])
	default:
		err = fmt.Errorf("unknown command %s", args[0])
	}
	if err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func number(text string) int {
	value, err := strconv.Atoi(text)
	if err != nil {
		fail(err)
	}
	return value
}

func create(bootstrap, topic string, partitions int) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(bootstrap))
	if err != nil {
		return err
	}
	defer client.Close()
	if _, err := kadm.NewClient(client).CreateTopic(context.Background(), int32(partitions), -1, nil, topic); err != nil {
		return err
	}
	fmt.Println(`{"created":true}`)
	return nil
}

func produce(bootstrap, topic string, from, count int) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(bootstrap), kgo.DefaultProduceTopic(topic))
	if err != nil {
		return err
	}
	defer client.Close()
	var failure error
	var once sync.Once
	for id := from; id < from+count; id++ {
		record := &kgo.Record{Key: fmt.Appendf(nil, "key-%d", id%100), Value: fmt.Appendf(nil, "value-%d", id)}
		client.Produce(context.Background(), record, func(_ *kgo.Record, err error) {
			if err != nil {
				once.Do(func() { failure = err })
			}
		})
	}
	if err := client.Flush(context.Background()); err != nil {
		return err
	}
	if failure != nil {
		return failure
	}
	fmt.Printf("{\"produced\":%d}\n", count)
	return nil
}

// partitions is what this member owns, kept by the rebalance callbacks.
type partitions struct {
	sync.Mutex
	owned map[int32]bool
	dirty bool
}

func (p *partitions) set(topics map[string][]int32, owned bool) {
	p.Lock()
	defer p.Unlock()
	for _, list := range topics {
		for _, partition := range list {
			if owned {
				p.owned[partition] = true
			} else {
				delete(p.owned, partition)
			}
		}
	}
	p.dirty = true
}

func (p *partitions) line() (string, bool) {
	p.Lock()
	defer p.Unlock()
	if !p.dirty {
		return "", false
	}
	p.dirty = false
	names := make([]string, 0, len(p.owned))
	for partition := range p.owned {
		names = append(names, strconv.Itoa(int(partition)))
	}
	sort.Strings(names)
	return "# assigned " + strings.Join(names, ","), true
}

// membership is what clients/groups varies; the matrix keeps to the defaults.
func membership() []kgo.Opt {
	var options []kgo.Opt
	if os.Getenv("TUSK_GROUP_PROTOCOL") == "consumer" {
		options = append(options, kgo.ServerSideBalancer())
	}
	if os.Getenv("TUSK_ASSIGNOR") == "range" {
		options = append(options, kgo.Balancers(kgo.RangeBalancer()))
	}
	if id := os.Getenv("TUSK_INSTANCE_ID"); id != "" {
		options = append(options, kgo.InstanceID(id))
	}
	return options
}

func consume(bootstrap, topic, group string) error {
	stop, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer cancel()
	own := &partitions{owned: map[int32]bool{}}
	lost := func(_ context.Context, _ *kgo.Client, topics map[string][]int32) { own.set(topics, false) }
	options := append(membership(),
		kgo.SeedBrokers(bootstrap),
		kgo.ConsumerGroup(group),
		kgo.ConsumeTopics(topic),
		kgo.OnPartitionsAssigned(func(_ context.Context, _ *kgo.Client, topics map[string][]int32) { own.set(topics, true) }),
		kgo.OnPartitionsRevoked(func(ctx context.Context, c *kgo.Client, topics map[string][]int32) {
			// What the default callback does: what was polled is committed before another member may take it.
			if err := c.CommitUncommittedOffsets(ctx); err != nil {
				fmt.Fprintln(os.Stderr, err)
			}
			own.set(topics, false)
		}),
		kgo.OnPartitionsLost(lost),
	)
	client, err := kgo.NewClient(options...)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(os.Stdout)
	for stop.Err() == nil {
		poll, done := context.WithTimeout(stop, 200*time.Millisecond)
		fetches := client.PollFetches(poll)
		done()
		fetches.EachError(func(_ string, partition int32, err error) {
			if !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled) {
				fmt.Fprintf(os.Stderr, "partition %d: %v\n", partition, err)
			}
		})
		fetches.EachRecord(func(record *kgo.Record) {
			fmt.Fprintf(out, "%d\t%d\t%s\t%s\n", record.Partition, record.Offset, record.Key, record.Value)
		})
		if line, changed := own.line(); changed {
			fmt.Fprintln(out, line)
		}
		out.Flush()
	}
	err = client.CommitUncommittedOffsets(context.Background())
	client.Close()
	out.Flush()
	return err
}

func admin(bootstrap, topic, group string) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(bootstrap))
	if err != nil {
		return err
	}
	defer client.Close()
	ctx := context.Background()
	adm := kadm.NewClient(client)
	topics, err := adm.ListTopics(ctx, topic)
	if err != nil {
		return err
	}
	ends, err := adm.ListEndOffsets(ctx, topic)
	if err != nil {
		return err
	}
	if err := ends.Error(); err != nil {
		return err
	}
	var end, committed int64
	ends.Each(func(one kadm.ListedOffset) { end += one.Offset })
	lags, err := adm.Lag(ctx, group)
	if err != nil {
		return err
	}
	described := lags[group]
	if err := described.Error(); err != nil {
		return err
	}
	for _, one := range described.Lag.Sorted() {
		committed += one.Commit.At
	}
	if _, err := adm.DeleteGroup(ctx, group); err != nil {
		return err
	}
	if _, err := adm.DeleteTopic(ctx, topic); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]any{
		"partitions": len(topics[topic].Partitions), "end": end, "committed": committed, "state": described.State,
	})
}
