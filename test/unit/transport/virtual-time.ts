/** Time that stands still until the test moves it. */
export class VirtualTime {
  now = 0;
  readonly timers = new Set<{ at: number; callback: () => void }>();

  readonly setTimer = (milliseconds: number, callback: () => void): (() => void) => {
    const timer = { at: this.now + milliseconds, callback };
    this.timers.add(timer);
    return () => this.timers.delete(timer);
  };

  advance(milliseconds: number): void {
    const end = this.now + milliseconds;
    for (;;) {
      const next = [...this.timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.timers.delete(next);
      this.now = Math.max(this.now, next.at);
      next.callback();
    }
    this.now = end;
  }
}
