//! [`Chaos`]: faults, one after another, while executions are submitted at every node.

use std::collections::HashMap;
use std::fmt;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use fastrand::Rng;
use mqtt_connector_service::NatsStore;
use mqtt_connector_tests::{Mosquitto, NatsCluster};

use crate::arrivals::Arrivals;
use crate::ledger::{self, Ledger, Report};
use crate::nodes::{Node, Said};
use crate::over_time::OverTime;

/// How long nothing may happen at all.
const PATIENCE: Duration = Duration::from_secs(600);

/// How many seconds a node may be silent before the others take its place.
const LEASE: u64 = 2;

/// How many executions are submitted at a node at a time.
const UNDER_WAY: usize = 32;

/// How much, and from which random numbers.
pub(crate) struct Chaos {
    pub(crate) seed: u64,
    pub(crate) executions: usize,
    pub(crate) tenants: usize,
    /// How many faults there are, spread over the executions.
    pub(crate) faults: usize,
    /// How many nodes of the service there are.
    pub(crate) nodes: usize,
}

/// What is done to the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Fault {
    KillNode,
    /// For longer than its lease.
    StopNode,
    KillLeader,
    /// A server of NATS, for some seconds.
    StopServer,
    /// The leader of NATS from the two others, for longer than an election: clients reach each.
    CutOffLeader,
    RestartBroker,
}

impl Fault {
    const fn name(self) -> &'static str {
        match self {
            Self::KillNode => "node killed",
            Self::StopNode => "node stopped",
            Self::KillLeader => "leader of NATS killed",
            Self::StopServer => "server of NATS stopped",
            Self::CutOffLeader => "leader of NATS cut off",
            Self::RestartBroker => "broker restarted",
        }
    }
}

const FAULTS: [Fault; 6] = [
    Fault::KillLeader,
    Fault::StopNode,
    Fault::KillNode,
    Fault::RestartBroker,
    Fault::StopServer,
    Fault::CutOffLeader,
];

/// What came of it.
pub(crate) struct Outcome {
    report: Report,
    over_time: OverTime,
    submitted: Duration,
    whole: Duration,
    /// The longest times in which nothing was accepted, by the last fault before the end of each.
    silences: HashMap<Fault, Duration>,
    /// Milliseconds of processors for an execution: of the nodes, of NATS.
    costs: [f64; 2],
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { report, over_time, submitted, whole, silences, costs: [nodes, servers] } = self;
        writeln!(f, "{report}")?;
        let mut row = |what: &str, value: f64, unit: &str| writeln!(f, "{what:<48}{value:>8.2}  {unit}");
        row("all accepted after", submitted.as_secs_f64(), "s")?;
        row("all ended after", whole.as_secs_f64(), "s")?;
        let mut silences: Vec<_> = silences.iter().collect();
        silences.sort_by_key(|(_, silence)| std::cmp::Reverse(**silence));
        for (fault, silence) in silences {
            let what = format!("nothing accepted, after {}", fault.name());
            row(&what, silence.as_secs_f64(), "s at most")?;
        }
        row("processors for one, of the nodes", *nodes, "ms, of those that were left")?;
        row("processors for one, of NATS", *servers, "ms, since it was last started")?;
        write!(f, "\n{over_time}")
    }
}

impl Chaos {
    pub(crate) fn run(self) -> Outcome {
        println!("seed {}", self.seed);
        let mut random = Rng::with_seed(self.seed);
        let nats = NatsCluster::start(3);
        let broker = Mosquitto::builder().persistence_when_stopped().quiet_log().start();
        let arrivals = Arrivals::start(&broker);
        let ledger = Ledger::new((0..self.executions).map(|_| random.u8(0..3)).collect());
        let mut cluster = Cluster::start(&self, nats, broker, ledger);
        let began = Instant::now();
        for number in 0..self.faults {
            let fault = FAULTS[number % FAULTS.len()];
            // As many are acknowledged before each.
            cluster.acknowledge(self.executions * (number + 1) / (self.faults + 1));
            cluster.suffer(fault, &mut random);
        }
        cluster.acknowledge(self.executions);
        let submitted = began.elapsed();
        cluster.finish();
        let whole = began.elapsed();
        let costs = cluster.costs();
        let arrived = arrivals.settled(&cluster.broker);
        let report = cluster.judge(&arrived);
        let Cluster { over_time, silences, .. } = cluster;
        Outcome { report, over_time, submitted, whole, silences, costs }
    }
}

/// How long a process has run on processors, in hundredths of a second. One that has ended and was not waited for has its number still.
fn ticks(pid: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    // Behind the name, which may have blanks in it: fields 14 and 15 of proc(5), of which the third comes first.
    let (_, rest) = stat.rsplit_once(") ").unwrap();
    rest.split(' ').skip(11).take(2).map(|number| number.parse::<u64>().unwrap()).sum()
}

struct Cluster {
    node_ticks: u64,
    nats: NatsCluster,
    broker: Mosquitto,
    nodes: Vec<Node>,
    told: Receiver<(usize, Instant, Said)>,
    tell: std::sync::mpsc::Sender<(usize, Instant, Said)>,
    ledger: Ledger,
    address: String,
    tenants: usize,
    /// Numbers to be submitted, the last one first.
    left: Vec<usize>,
    /// At which node a number was submitted that is not acknowledged, and when.
    asked: HashMap<usize, (usize, Instant)>,
    over_time: OverTime,
    acknowledged: usize,
    /// When something was accepted last.
    last: Instant,
    suffered: Option<Fault>,
    silences: HashMap<Fault, Duration>,
}

impl Cluster {
    fn start(chaos: &Chaos, nats: NatsCluster, broker: Mosquitto, ledger: Ledger) -> Self {
        let (tell, told) = channel();
        let address = format!("{}?lease={LEASE}", nats.address());
        let nodes = (0..chaos.nodes)
            .map(|index| Node::start(&address, broker.port(), chaos.tenants, index, tell.clone()))
            .collect();
        Self {
            node_ticks: 0,
            nats,
            broker,
            nodes,
            told,
            tell,
            address,
            tenants: chaos.tenants,
            left: ledger.open().into_iter().rev().collect(),
            ledger,
            asked: HashMap::new(),
            over_time: OverTime::begin("accepted", &FAULTS.map(Fault::name)),
            acknowledged: 0,
            last: Instant::now(),
            suffered: None,
            silences: HashMap::new(),
        }
    }

    /// Submits, until so many are acknowledged.
    fn acknowledge(&mut self, wanted: usize) {
        while self.acknowledged < wanted {
            self.submit();
            let (index, at, said) = self.told.recv_timeout(PATIENCE).expect("the cluster goes on");
            self.hear(index, at, said);
        }
    }

    fn submit(&mut self) {
        for index in 0..self.nodes.len() {
            while self.nodes[index].open < UNDER_WAY
                && let Some(number) = self.left.pop()
            {
                self.nodes[index].submit(number, self.ledger.qos(number));
                self.asked.insert(number, (index, Instant::now()));
            }
        }
    }

    fn hear(&mut self, index: usize, at: Instant, said: Said) {
        match said {
            Said::Answer(answer) => {
                let mut words = answer.splitn(3, ' ');
                let (word, number) = (words.next().unwrap(), words.next().unwrap().parse().unwrap());
                // One that was asked for again elsewhere is answered twice.
                if let Some((node, asked)) = self.asked.get(&number).copied()
                    && node == index
                {
                    self.asked.remove(&number);
                    self.nodes[index].open -= 1;
                    match word {
                        "accepted" => {
                            self.acknowledged += 1;
                            self.over_time.ended(at, at.saturating_duration_since(asked));
                        }
                        // Perhaps it was accepted: it is asked for again, with its idempotency key.
                        _ => self.left.push(number),
                    }
                }
                if word == "accepted" {
                    self.ledger.answer(&answer);
                    let silence = at.saturating_duration_since(self.last);
                    self.last = self.last.max(at);
                    if let Some(fault) = self.suffered {
                        let longest = self.silences.entry(fault).or_default();
                        *longest = silence.max(*longest);
                    }
                }
            }
            Said::Gone => {
                assert!(self.nodes[index].was_killed(), "node {index} has gone, and nobody has killed it");
                let lost: Vec<usize> = self
                    .asked
                    .iter()
                    .filter(|(_, (at, _))| *at == index)
                    .map(|(number, _)| *number)
                    .collect();
                for number in lost {
                    self.asked.remove(&number);
                    self.left.push(number);
                }
                self.nodes[index] =
                    Node::start(&self.address, self.broker.port(), self.tenants, index, self.tell.clone());
            }
            Said::Done => panic!("node {index} has ended before it was asked to"),
        }
    }

    fn suffer(&mut self, fault: Fault, random: &mut Rng) {
        let node = random.usize(..self.nodes.len());
        self.suffered = Some(fault);
        self.over_time.suffers(fault.name());
        match fault {
            Fault::KillNode => self.nodes[node].kill(),
            Fault::StopNode => {
                self.nodes[node].signal("STOP");
                // The time itself is what is tried.
                std::thread::sleep(Duration::from_secs(LEASE + LEASE / 2 + 1));
                self.nodes[node].signal("CONT");
            }
            Fault::KillLeader => {
                let leader = self.leader();
                self.nats.kill(leader);
                std::thread::sleep(Duration::from_secs(1));
                self.nats.restart(leader);
            }
            Fault::StopServer => {
                let server = random.usize(..self.nats.servers());
                self.nats.pause(server);
                std::thread::sleep(Duration::from_secs(3));
                self.nats.resume(server);
            }
            Fault::CutOffLeader => {
                let leader = self.leader();
                self.nats.cut_off(leader);
                std::thread::sleep(Duration::from_secs(8));
                self.nats.together();
            }
            Fault::RestartBroker => self.broker.restart(),
        }
    }

    /// The server that leads the stream now.
    fn leader(&self) -> usize {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let deadline = Instant::now() + PATIENCE;
            loop {
                let client =
                    async_nats::connect(self.nats.address().split(',').collect::<Vec<_>>()).await.unwrap();
                let stream = async_nats::jetstream::new(client).get_stream("MQTT_EXECUTIONS").await;
                let cluster = stream.ok().and_then(|stream| stream.cached_info().cluster.clone());
                if let Some(leader) = cluster.and_then(|cluster| cluster.leader) {
                    return NatsCluster::index(&leader).unwrap();
                }
                assert!(Instant::now() < deadline, "the stream has no leader");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        })
    }

    /// Waits until all has ended.
    fn finish(&mut self) {
        for node in &mut self.nodes {
            node.finish();
        }
        let mut done = 0;
        while done < self.nodes.len() {
            match self.told.recv_timeout(PATIENCE).expect("everything ends") {
                (_, _, Said::Done) => done += 1,
                (index, at, answer @ Said::Answer(_)) => self.hear(index, at, answer),
                (_, _, Said::Gone) => {}
            }
        }
        self.node_ticks = self.nodes.iter().map(|node| ticks(node.pid())).sum();
        for (index, node) in self.nodes.iter_mut().enumerate() {
            assert!(node.ended_well(), "node {index}");
        }
    }

    /// What processors have done for one execution, in milliseconds: those of the nodes that ended, and of the servers of NATS as they were last started.
    fn costs(&self) -> [f64; 2] {
        let servers: u64 = (0..self.nats.servers()).map(|server| ticks(self.nats.pid(server))).sum();
        let executions = self.acknowledged as f64;
        // Linux counts in hundredths of a second (USER_HZ).
        [self.node_ticks, servers].map(|ticks| ticks as f64 * 10.0 / executions)
    }

    fn judge(&self, arrived: &[usize]) -> Report {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let store = NatsStore::builder(self.address.parse().unwrap()).open_beside().await.unwrap();
            self.ledger.judge(ledger::all(&store).await, arrived)
        })
    }
}
