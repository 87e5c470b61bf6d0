//! rust-rdkafka behind the steps of the matrix of security (clients/README.md).

use std::env;
use std::error::Error;
use std::io::{self, BufRead};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rdkafka::client::{ClientContext, OAuthToken};
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, ProducerContext};
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};
use serde_json::{json, Value};

type Heard = Arc<Mutex<Vec<RDKafkaErrorCode>>>;

/// What the client says outside its answers, and what came of a record.
struct Context {
    token: String,
    user: String,
    heard: Heard,
    delivered: Mutex<Option<Result<(), RDKafkaErrorCode>>>,
}

impl ClientContext for Context {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn error(&self, error: KafkaError, _reason: &str) {
        if let Some(code) = error.rdkafka_error_code() {
            // That all brokers are down says nothing about why.
            if code != RDKafkaErrorCode::AllBrokersDown {
                self.heard.lock().unwrap().push(code);
            }
        }
    }

    // A lifetime that is not the token's: the broker has to find out.
    fn generate_oauth_token(&self, _config: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis() as i64;
        Ok(OAuthToken { token: self.token.clone(), principal_name: self.user.clone(), lifetime_ms: now + 3_600_000 })
    }
}

impl ConsumerContext for Context {}

impl ProducerContext for Context {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, _: ()) {
        let outcome = match result {
            Ok(_) => Ok(()),
            Err((error, _)) => Err(error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Unknown)),
        };
        *self.delivered.lock().unwrap() = Some(outcome);
    }
}

struct Run {
    config: Value,
    heard: Heard,
    producer: Option<BaseProducer<Context>>,
    consumer: Option<BaseConsumer<Context>>,
}

/// Codes of what went wrong; none: there was no outcome in time.
type Step = Result<(), Vec<RDKafkaErrorCode>>;

fn code_of(error: KafkaError) -> Vec<RDKafkaErrorCode> {
    vec![error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Unknown)]
}

impl Run {
    fn text(&self, name: &str) -> &str {
        self.config[name].as_str().unwrap_or("")
    }

    fn limit(&self) -> Duration {
        Duration::from_millis(self.config["timeoutMs"].as_u64().unwrap_or(8000))
    }

    fn context(&self) -> Context {
        let (token, user) = (self.text("token").to_owned(), self.text("user").to_owned());
        Context { token, user, heard: Arc::clone(&self.heard), delivered: Mutex::new(None) }
    }

    fn client(&self) -> ClientConfig {
        let mut client = ClientConfig::new();
        client.set("bootstrap.servers", self.text("bootstrap"));
        if self.text("mechanism") == "mTLS" {
            client.set("security.protocol", "SSL");
            client.set("ssl.ca.location", self.text("ca"));
            client.set("ssl.certificate.location", self.text("certificate"));
            client.set("ssl.key.location", self.text("key"));
            return client;
        }
        client.set("security.protocol", "SASL_PLAINTEXT");
        client.set("sasl.mechanism", self.text("mechanism"));
        if self.text("mechanism") != "OAUTHBEARER" {
            client.set("sasl.username", self.text("user"));
            client.set("sasl.password", self.text("password"));
        }
        client
    }

    fn produce(&mut self) -> Step {
        if self.producer.is_none() {
            let mut client = self.client();
            client.set("message.timeout.ms", (self.limit().as_millis() * 4 / 5).to_string());
            self.producer = Some(client.create_with_context(self.context()).map_err(code_of)?);
        }
        let producer = self.producer.as_ref().unwrap();
        *producer.context().delivered.lock().unwrap() = None;
        producer.send(BaseRecord::<(), str>::to(self.text("topic")).payload("hello")).map_err(|(error, _)| code_of(error))?;
        let end = Instant::now() + self.limit();
        while Instant::now() < end {
            producer.poll(Duration::from_millis(50));
            let delivered = *producer.context().delivered.lock().unwrap();
            match delivered {
                Some(Ok(())) => return Ok(()),
                Some(Err(code)) => return Err([vec![code], self.heard.lock().unwrap().clone()].concat()),
                None => {}
            }
        }
        Err(self.heard.lock().unwrap().clone())
    }

    fn consume(&mut self) -> Step {
        if self.consumer.is_none() {
            let mut client = self.client();
            client.set("group.id", self.text("group")).set("enable.auto.commit", "false");
            let consumer: BaseConsumer<Context> = client.create_with_context(self.context()).map_err(code_of)?;
            let mut partitions = TopicPartitionList::new();
            partitions.add_partition_offset(self.text("topic"), 0, Offset::Beginning).map_err(code_of)?;
            consumer.assign(&partitions).map_err(code_of)?;
            self.consumer = Some(consumer);
        }
        let consumer = self.consumer.as_ref().unwrap();
        let end = Instant::now() + self.limit();
        while Instant::now() < end {
            match consumer.poll(Duration::from_millis(100)) {
                Some(Ok(record)) if record.payload().is_some() => return Ok(()),
                Some(Err(error)) => self.heard.lock().unwrap().extend(code_of(error)),
                _ => {}
            }
            // A connection that is lost is had again: only what stays an error is one.
            let heard = self.heard.lock().unwrap();
            let passing = [RDKafkaErrorCode::BrokerTransportFailure, RDKafkaErrorCode::AllBrokersDown];
            if heard.iter().any(|code| !passing.contains(code)) {
                return Err(heard.clone());
            }
        }
        Err(self.heard.lock().unwrap().clone())
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let config: Value = serde_json::from_str(&env::args().nth(1).ok_or("a configuration is missing")?)?;
    let mut run = Run { config, heard: Heard::default(), producer: None, consumer: None };
    // Errors that come between two steps are told at the next one.
    for line in io::stdin().lock().lines() {
        let step = line?;
        let outcome = if step == "produce" { run.produce() } else { run.consume() };
        let codes = outcome.err();
        let error = match &codes {
            None => String::new(),
            Some(codes) if codes.is_empty() => "Timeout".to_owned(),
            Some(codes) => codes.iter().map(|code| format!("{code:?}")).collect::<Vec<_>>().join(" "),
        };
        let said = codes.unwrap_or_default().iter().map(|code| code.to_string()).collect::<Vec<_>>().join(" <- ");
        run.heard.lock().unwrap().clear();
        println!("{}", json!({ "step": step, "error": error, "said": said }));
    }
    // Not by way of the clients' ends, which wait for what is left.
    std::process::exit(0)
}
