import { clusterDefaults } from "../defaults.ts";

/** Calls `report` soon after connections have come, once for all that come until then. Without new ones it does nothing. */
export class LoadReports {
  readonly #report: () => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(report: () => void) {
    this.#report = report;
  }

  connectionCame(): void {
    if (this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#report();
    }, clusterDefaults.loadReportDelay);
    this.#timer.unref();
  }
}
