import type { TargetSample, WorkerSample } from "../target.ts";
import { figureFamilies, overviewFamilies, workerFamilies } from "./families.ts";
import type { Overview } from "./families.ts";
import type { Family, FamilyDefinition, Labels, SeriesSample } from "./family.ts";

/** Everything that is exposed of a sample, in a fixed order. A cluster's workers differ by the label `worker`. */
export function collect(sample: TargetSample, alerts: Overview["alerts"]): readonly Family[] {
  const { isServing, isDraining, workers } = sample;
  const overview = { isServing, isDraining, alerts };
  return [
    ...overviewFamilies.map((definition) => familyOf(definition, definition.read(overview))),
    ...workerFamilies.map((definition) => ofWorkers(definition, workers, (worker) => worker)),
    ...figureFamilies.map((definition) => ofWorkers(definition, workers, ({ figures }) => figures)),
  ];
}

/** What {@link collect} gives, without samples. */
export const exposedFamilies: readonly Omit<Family, "samples">[] = [
  ...overviewFamilies,
  ...workerFamilies,
  ...figureFamilies,
].map(({ name, type, unit, help }) => ({ name, type, unit, help }));

function ofWorkers<Source>(
  definition: FamilyDefinition<Source>,
  workers: readonly WorkerSample[],
  sourceOf: (worker: WorkerSample) => Source | undefined,
): Family {
  const samples = workers.flatMap((worker) => {
    const source = sourceOf(worker);
    if (source === undefined) return [];
    const labels: Labels = worker.id === "" ? {} : { worker: worker.id };
    return definition.read(source).map((sample) => ({ ...sample, labels: { ...labels, ...sample.labels } }));
  });
  return familyOf(definition, samples);
}

function familyOf<Source>(definition: FamilyDefinition<Source>, samples: readonly SeriesSample[]): Family {
  const { name, type, unit, help } = definition;
  return { name, type, unit, help, samples };
}
