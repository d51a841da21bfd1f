import type { ServerApp } from "../../server/app.ts";
import type { ListenOptions } from "../../server/server.ts";
import type { Address } from "../../transport/types.ts";

import type { CommandContext } from "../command.ts";
import { endLineAtInterrupt } from "../interruption.ts";

/**
 * Listens, announces it, and resolves when the app has closed; it closes the app when the announcement fails. From the
 * announcement on the app itself answers the signals, and there is no moment at which nobody does.
 */
export async function runApp(
  app: ServerApp,
  options: ListenOptions,
  { terminal, interruption }: CommandContext,
  announce: (address: Address) => unknown,
): Promise<void> {
  const address = await app.listen(options);
  if (interruption.isInterrupted) {
    await app.close();
    return;
  }
  const stopEnding = endLineAtInterrupt(terminal);
  const running = app.run();
  interruption.stopListening();
  try {
    await announce(address);
  } catch (error) {
    await app.close({ timeout: 0 });
    throw error;
  } finally {
    await running;
    stopEnding();
  }
}
