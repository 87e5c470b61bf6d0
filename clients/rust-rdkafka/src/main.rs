//! rust-rdkafka behind the command line that every program of the matrix speaks (clients/README.md).

use std::env;
use std::error::Error;
use std::io::{self, BufWriter, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::time::Duration;

use futures::executor::block_on;
use futures::future::try_join_all;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{ClientConfig, Message};

type Outcome = Result<(), Box<dyn Error>>;

fn config(bootstrap: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", bootstrap);
    config
}

fn create(bootstrap: &str, topic: &str, partitions: i32) -> Outcome {
    let admin: AdminClient<DefaultClientContext> = config(bootstrap).create()?;
    let wanted = NewTopic::new(topic, partitions, TopicReplication::Fixed(1));
    for result in block_on(admin.create_topics([&wanted], &AdminOptions::new()))? {
        result.map_err(|(name, code)| format!("{name}: {code}"))?;
    }
    println!("{{\"created\":true}}");
    Ok(())
}

async fn send_all(producer: &FutureProducer, topic: &str, from: u32, count: u32) -> Outcome {
    let mut waiting = Vec::new();
    for id in from..from + count {
        let key = format!("key-{}", id % 100);
        let value = format!("value-{id}");
        let record = FutureRecord::to(topic).key(&key).payload(&value);
        waiting.push(producer.send_result(record).map_err(|(error, _)| error)?);
    }
    for delivered in try_join_all(waiting).await? {
        delivered.map_err(|(error, _)| error)?;
    }
    Ok(())
}

fn produce(bootstrap: &str, topic: &str, from: u32, count: u32) -> Outcome {
    let producer: FutureProducer = config(bootstrap).create()?;
    block_on(send_all(&producer, topic, from, count))?;
    println!("{{\"produced\":{count}}}");
    Ok(())
}

fn consume(bootstrap: &str, topic: &str, group: &str) -> Outcome {
    let stop = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(signal_hook::consts::SIGTERM, Arc::clone(&stop))?;
    let consumer: BaseConsumer = config(bootstrap)
        .set("group.id", group)
        .set("auto.offset.reset", "earliest")
        .create()?;
    consumer.subscribe(&[topic])?;
    let mut out = BufWriter::new(io::stdout());
    let mut shown: Vec<i32> = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        match consumer.poll(Duration::from_millis(100)) {
            Some(Ok(record)) => {
                let key = record.key_view::<str>().transpose()?.unwrap_or("");
                let value = record.payload_view::<str>().transpose()?.unwrap_or("");
                writeln!(out, "{}\t{}\t{key}\t{value}", record.partition(), record.offset())?;
            }
            Some(Err(error)) => eprintln!("{error}"),
            None => {
                let assignment = consumer.assignment()?;
                let mut assigned: Vec<i32> = assignment.elements().iter().map(|one| one.partition()).collect();
                assigned.sort_unstable();
                if assigned != shown {
                    let names: Vec<String> = assigned.iter().map(|partition| partition.to_string()).collect();
                    writeln!(out, "# assigned {}", names.join(","))?;
                    shown = assigned;
                }
                out.flush()?;
            }
        }
    }
    match consumer.commit_consumer_state(CommitMode::Sync) {
        Ok(()) | Err(KafkaError::ConsumerCommit(RDKafkaErrorCode::NoOffset)) => {}
        Err(error) => return Err(error.into()),
    }
    out.flush()?;
    Ok(())
}

fn main() -> Outcome {
    let args: Vec<String> = env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args[..] {
        ["create", bootstrap, topic, partitions] => create(bootstrap, topic, partitions.parse()?),
        ["produce", bootstrap, topic, from, count] => produce(bootstrap, topic, from.parse()?, count.parse()?),
        ["consume", bootstrap, topic, group] => consume(bootstrap, topic, group),
        _ => Err("usage: create|produce|consume …".into()),
    }
}
