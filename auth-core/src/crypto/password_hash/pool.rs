//! A fixed number of threads, a bounded queue, and an answer for everybody who still waits for one.

use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::HashError;
use super::argon::Memory;
use super::config::HashConfig;

/// The threads and their queue. Dropping it ends the threads, each after the job in hand.
pub(super) struct Pool {
    shared: Arc<Shared>,
}

struct Shared {
    queue: Mutex<Queue>,
    /// Signalled for every job, and when the queue closes.
    changed: Condvar,
    queue_length: usize,
    queue_time: Duration,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    closed: bool,
}

struct Job {
    deadline: Instant,
    task: Box<dyn FnOnce(Turn<'_>) + Send>,
}

/// What a job finds when it gets to the front of the queue.
enum Turn<'a> {
    Now(&'a mut Memory),
    TooLate,
}

impl Pool {
    /// Starts the threads; each keeps `kept_blocks` of memory from its first job on.
    pub(super) fn start(config: &HashConfig, kept_blocks: usize) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            queue: Mutex::default(),
            changed: Condvar::new(),
            queue_length: config.queue_length,
            queue_time: config.queue_time,
        });
        // Built first: should a thread not start, dropping the pool ends those that did.
        let pool = Self { shared };
        for number in 1..=config.thread_count() {
            let shared = Arc::clone(&pool.shared);
            let builder = thread::Builder::new().name(format!("auth-password-hash-{number}"));
            builder.spawn(move || shared.work(kept_blocks))?;
        }
        Ok(pool)
    }

    /// Runs `work` on one of the threads and waits for its answer. If the future is dropped before the
    /// job's turn, the job is skipped.
    pub(super) async fn run<T, W>(&self, work: W) -> Result<T, HashError>
    where
        T: Send + 'static,
        W: FnOnce(&mut Memory) -> Result<T, HashError> + Send + 'static,
    {
        // The sender goes unused only when the job panicked.
        self.submit(work)?.await.unwrap_or(Err(HashError::Failed))
    }

    /// Queues `work`, or refuses it when the queue is full.
    pub(super) fn submit<T, W>(&self, work: W) -> Result<oneshot::Receiver<Result<T, HashError>>, HashError>
    where
        T: Send + 'static,
        W: FnOnce(&mut Memory) -> Result<T, HashError> + Send + 'static,
    {
        let overloaded = self.shared.overloaded();
        let (reply, answer) = oneshot::channel();
        let task = Box::new(move |turn: Turn<'_>| {
            // The caller went away, as clients do when a server is slow: nobody wants the answer.
            if reply.is_closed() {
                return;
            }
            let result = match turn {
                Turn::Now(memory) => work(memory),
                Turn::TooLate => Err(overloaded),
            };
            // Whoever went away in the meantime needs no answer either.
            let _gone = reply.send(result);
        });
        let mut queue = self.shared.lock();
        if queue.jobs.len() >= self.shared.queue_length {
            return Err(overloaded);
        }
        queue.jobs.push_back(Job { deadline: Instant::now() + self.shared.queue_time, task });
        drop(queue);
        self.shared.changed.notify_one();
        Ok(answer)
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.changed.notify_all();
    }
}

impl Shared {
    /// What a refused caller is told: when the queue's time is over, all that waits now is answered.
    fn overloaded(&self) -> HashError {
        HashError::Overloaded { retry_after: self.queue_time.max(Duration::from_secs(1)) }
    }

    /// The life of one thread.
    fn work(&self, kept_blocks: usize) {
        let mut memory = Memory::new(kept_blocks);
        while let Some(job) = self.next() {
            let turn = if Instant::now() < job.deadline { Turn::Now(&mut memory) } else { Turn::TooLate };
            // A job owns all it touches but the memory, which is thrown away if it panics.
            if catch_unwind(AssertUnwindSafe(|| (job.task)(turn))).is_err() {
                tracing::error!("a password hashing job panicked");
                memory = Memory::new(kept_blocks);
            }
            memory.shrink();
        }
    }

    /// Waits for the oldest job; `None` when the pool is gone.
    fn next(&self) -> Option<Job> {
        let mut queue = self.lock();
        loop {
            if queue.closed {
                return None;
            }
            if let Some(job) = queue.jobs.pop_front() {
                return Some(job);
            }
            queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// No job runs under the lock, so a poisoned queue is as good as any.
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;

    use super::*;

    fn pool(threads: usize, queue_length: usize, queue_time: Duration) -> Pool {
        let config = HashConfig::default().threads(threads).queue_length(queue_length).queue_time(queue_time);
        Pool::start(&config, 0).unwrap()
    }

    const SECOND: Duration = Duration::from_secs(1);
    const LONG: Duration = Duration::from_secs(60);

    /// Occupies one thread until the returned sender is used or dropped; returns once the thread is busy.
    fn occupy(pool: &Pool) -> mpsc::Sender<()> {
        let (started, has_started) = mpsc::channel();
        let (release, released) = mpsc::channel();
        let _unread = pool.submit(move |_| {
            started.send(()).unwrap();
            let _dropped = released.recv();
            Ok(())
        });
        has_started.recv().unwrap();
        release
    }

    #[tokio::test]
    async fn jobs_run_in_order_on_named_threads() {
        let pool = pool(1, 100, LONG);
        let order = Arc::new(Mutex::new(Vec::new()));
        let answers: Vec<_> = (0..100)
            .map(|number| {
                let order = Arc::clone(&order);
                pool.submit(move |_| {
                    order.lock().unwrap().push(number);
                    Ok(thread::current().name().map(str::to_owned))
                })
                .unwrap()
            })
            .collect();
        for answer in answers {
            assert_eq!(answer.await.unwrap(), Ok(Some("auth-password-hash-1".to_owned())));
        }
        assert_eq!(*order.lock().unwrap(), (0..100).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn a_full_queue_refuses_at_once_and_takes_jobs_again_later() {
        let pool = pool(1, 2, Duration::from_millis(1500));
        let release = occupy(&pool);
        let waiting = [pool.submit(|_| Ok(1)), pool.submit(|_| Ok(2))];
        let refused = pool.run(|_| Ok(3)).await;
        assert_eq!(refused, Err(HashError::Overloaded { retry_after: Duration::from_millis(1500) }));
        drop(release);
        for answer in waiting {
            assert!(answer.unwrap().await.is_ok());
        }
        assert_eq!(pool.run(|_| Ok(4)).await, Ok(4));
    }

    #[tokio::test]
    async fn a_job_that_waited_too_long_is_answered_without_being_computed() {
        let pool = pool(1, 2, Duration::ZERO);
        let computed = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&computed);
        let late = pool.run(move |_| Ok(count.fetch_add(1, Ordering::Relaxed))).await;
        assert_eq!(late, Err(HashError::Overloaded { retry_after: SECOND }));
        assert_eq!(computed.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn a_job_whose_caller_went_away_is_skipped() {
        let pool = pool(1, 10, LONG);
        let release = occupy(&pool);
        let computed = Arc::new(AtomicUsize::new(0));
        let count = || {
            let computed = Arc::clone(&computed);
            pool.submit(move |_| Ok(computed.fetch_add(1, Ordering::Relaxed))).unwrap()
        };
        let (kept, dropped) = (count(), count());
        drop(dropped);
        drop(release);
        assert_eq!(kept.await.unwrap(), Ok(0));
        assert_eq!(pool.run(|_| Ok(())).await, Ok(()));
        assert_eq!(computed.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn a_panicking_job_fails_alone_and_its_thread_lives_on() {
        let pool = pool(1, 10, LONG);
        let failed: Result<(), _> = pool.run(|_| panic!("on purpose")).await;
        assert_eq!(failed, Err(HashError::Failed));
        let name = pool.run(|_| Ok(thread::current().name().map(str::to_owned))).await;
        assert_eq!(name, Ok(Some("auth-password-hash-1".to_owned())));
    }

    #[tokio::test]
    async fn the_threads_work_at_the_same_time() {
        let pool = pool(3, 10, LONG);
        // Each returns only while the others are busy as well.
        let busy = [occupy(&pool), occupy(&pool), occupy(&pool)];
        drop(busy);
        assert_eq!(pool.run(|_| Ok(())).await, Ok(()));
    }

    #[tokio::test]
    async fn the_threads_end_with_the_pool() {
        thread_local! {
            static UNTIL_THE_END: RefCell<Option<mpsc::Sender<()>>> = const { RefCell::new(None) };
        }
        let pool = pool(1, 10, LONG);
        let (alive, ended) = mpsc::channel();
        let run = pool.run(move |_| {
            UNTIL_THE_END.set(Some(alive));
            Ok(())
        });
        assert_eq!(run.await, Ok(()));
        assert_eq!(ended.try_recv(), Err(mpsc::TryRecvError::Empty));
        drop(pool);
        // The sender is dropped when the thread that holds it ends.
        assert_eq!(ended.recv(), Err(mpsc::RecvError));
    }
}
