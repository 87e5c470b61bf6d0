// Command sarama is IBM/sarama, told to speak as to a broker of 1.0, behind the command line that every old client
// speaks (clients/README.md).
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/IBM/sarama"
)

const quiet = 700 * time.Millisecond

func main() {
	args := os.Args[1:]
	if len(args) < 4 {
		fail(errors.New("usage: create|produce|consume …"))
	}
	bootstrap, topic := []string{args[1]}, args[2]
	var err error
	switch args[0] {
	case "create":
		err = create(bootstrap, topic, number(args[3]))
	case "produce":
		err = produce(bootstrap, topic, args[3], number(args[4]), number(args[5]), number(args[6]))
	case "consume":
		err = consume(bootstrap, topic, args[3], number(args[4]), number(args[5]))
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

func configuration() *sarama.Config {
	config := sarama.NewConfig()
	config.Version = sarama.V1_0_0_0
	return config
}

func create(bootstrap []string, topic string, partitions int) error {
	admin, err := sarama.NewClusterAdmin(bootstrap, configuration())
	if err != nil {
		return err
	}
	defer admin.Close()
	return admin.CreateTopic(topic, &sarama.TopicDetail{NumPartitions: int32(partitions), ReplicationFactor: 1}, false)
}

func produce(bootstrap []string, topic, codec string, from, count, timeOfFirst int) error {
	config := configuration()
	config.Producer.Return.Successes = true
	config.Producer.RequiredAcks = sarama.WaitForAll
	if err := config.Producer.Compression.UnmarshalText([]byte(codec)); err != nil {
		return err
	}
	producer, err := sarama.NewSyncProducer(bootstrap, config)
	if err != nil {
		return err
	}
	defer producer.Close()
	messages := make([]*sarama.ProducerMessage, 0, count)
	for id := from; id < from+count; id++ {
		messages = append(messages, &sarama.ProducerMessage{
			Topic:     topic,
			Key:       sarama.StringEncoder(fmt.Sprintf("key-%d", id%100)),
			Value:     sarama.StringEncoder(fmt.Sprintf("value-%d:%s", id, strings.Repeat("tusk ", 100))),
			Headers:   []sarama.RecordHeader{{Key: []byte("n"), Value: []byte(strconv.Itoa(id))}},
			Timestamp: time.UnixMilli(int64(timeOfFirst + id)),
		})
	}
	return producer.SendMessages(messages)
}

// reader prints what the group is given, and ends `quiet` after as many records as are wanted: one that comes twice
// would come in this time.
type reader struct {
	sync.Mutex
	out    *bufio.Writer
	left   int
	enough func()
}

func (r *reader) Setup(sarama.ConsumerGroupSession) error   { return nil }
func (r *reader) Cleanup(sarama.ConsumerGroupSession) error { return nil }

func (r *reader) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for message := range claim.Messages() {
		r.print(message)
		session.MarkMessage(message, "")
	}
	return nil
}

func (r *reader) print(message *sarama.ConsumerMessage) {
	r.Lock()
	defer r.Unlock()
	var id string
	for _, header := range message.Headers {
		if string(header.Key) == "n" {
			id = string(header.Value)
		}
	}
	fmt.Fprintf(r.out, "%d\t%d\t%d\t%s\t%s\t%s\n",
		message.Partition, message.Offset, message.Timestamp.UnixMilli(), message.Key, message.Value, id)
	if r.left--; r.left == 0 {
		time.AfterFunc(quiet, r.enough)
	}
}

func consume(bootstrap []string, topic, group string, count, patience int) error {
	config := configuration()
	config.Consumer.Offsets.Initial = sarama.OffsetOldest
	config.Consumer.Return.Errors = true
	client, err := sarama.NewConsumerGroup(bootstrap, group, config)
	if err != nil {
		return err
	}
	go func() {
		for err := range client.Errors() {
			fmt.Fprintln(os.Stderr, err)
		}
	}()
	ctx, stop := context.WithTimeout(context.Background(), time.Duration(patience)*time.Second)
	defer stop()
	read := &reader{out: bufio.NewWriter(os.Stdout), left: count, enough: stop}
	for ctx.Err() == nil && err == nil {
		err = client.Consume(ctx, []string{topic}, read)
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		err = nil
	}
	read.Lock()
	defer read.Unlock()
	read.out.Flush()
	return errors.Join(err, client.Close())
}
