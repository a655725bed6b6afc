// What is said about a race, the same in every tab.
lpwd.race = {
  when(race, of = " of ") {
    const left = race.secondsLeft === null ? "" : `, ${lpwd.numbers.duration(race.secondsLeft)} left`;
    return `epoch ${Math.max(1, race.epoch)}${of}${race.epochs}${left}`;
  },
  // Announced to screen readers, so it changes with the state and not with every step.
  sentence(race) {
    const said = race.messages.join(" ");
    const ahead = race.ahead === 1 ? "1 race is" : `${race.ahead} races are`;
    return {
      queued: race.ahead ? `Queued: ${ahead} ahead.` : "Queued: the worker is getting ready.",
      running: said,
      stopping: said || "Stopping after this step.",
      finished: said,
      stopped: `Stopped. Resume continues from the last checkpoint. ${said}`,
      interrupted: `Interrupted. ${said}`,
      failed: `Failed. ${said}`,
      diverged: `Diverged. ${said}`,
    }[race.state].trim();
  },
};
