// Decides when each topic is requested again. Has no timers and sends no requests.

const TOGETHER_MS = 200; // topics due this soon join the request

export class Schedule {
  constructor() {
    /** @type {Set<Topic>} */
    this.topics = new Set();
  }

  /** Watch a topic (ui/web/topics.py) and return it.
   * @param {string} name @param {() => boolean} isOpen whether somebody can see the topic's component
   * @param {{ask: () => (object | null), take: (answer: any) => void, showsProblems?: boolean}} options
   *   `ask` returns the arguments, or null to pause until `restart`; `take` receives the answer.
   *   A component that `showsProblems` also receives answers with a problem; `problem` returns those of the others. */
  watch(name, isOpen, { ask, take, showsProblems = false }) {
    const topic = { name, isOpen, ask, take, showsProblems, problem: "", due: 0, version: 0 };
    this.topics.add(topic);
    return topic;
  }

  /** Request the topic at once; an answer under way belongs to an older question and is dropped. */
  restart(/** @type {Topic} */ topic) {
    topic.due = 0;
    topic.version++;
  }

  open() {
    return [...this.topics].filter((topic) => topic.isOpen());
  }

  /** Make every topic of the open tab due. */
  restartOpen() {
    for (const topic of this.open()) topic.due = 0;
  }

  /** Return the open topics that are due, with their arguments. @param {number} now milliseconds */
  questions(now) {
    const due = this.open().filter((topic) => topic.due <= now + TOGETHER_MS);
    const asked = due.map((topic) => ({ topic, version: topic.version, given: topic.ask() }));
    for (const { topic, given } of asked) if (!given) topic.due = Infinity;
    return asked.filter(({ given }) => given);
  }

  /** Hand each answer to its topic. An answer's own `pollMs` replaces the common one.
   * @param {Question[]} asked @param {Record<string, any>} answers @param {number} pollMs @param {number} now */
  take(asked, answers, pollMs, now) {
    for (const { topic, version } of asked) {
      if (version !== topic.version || !this.topics.has(topic)) continue;
      const answer = answers[topic.name];
      topic.due = now + (answer.pollMs ?? pollMs);
      topic.problem = topic.showsProblems ? "" : (answer.problem ?? "");
      if (!topic.problem) topic.take(answer);
    }
  }

  /** Return a problem of the open tab that its component does not show, or "". */
  problem() {
    return this.open().find((topic) => topic.problem)?.problem ?? "";
  }

  /** Return the milliseconds until the next request. @param {number} pollMs @param {number} now */
  pause(pollMs, now) {
    return Math.max(0, Math.min(pollMs, ...this.open().map((topic) => topic.due - now)));
  }
}
