// What others published on the same data, to stand beside our figures.
// In: the format of a data set and what is scored together. Out: shares at rank 1, 3 and 5 by method.
// Bounds: copied from the papers named below; a share is null where it was not published. Their scorer gives tied candidates one rank, ours
//   breaks ties; theirs of Nezha covers two days an application, a folder here may hold one.
import type { PublishedResult } from "./case.ts";

/** Yu et al., "Nezha: Interpretable Fine-Grained Root Causes Analysis", ESEC/FSE 2023, tables 3 and 4, by application. */
export const NEZHA_PUBLISHED: Readonly<Record<"OnlineBoutique" | "TrainTicket", readonly PublishedResult[]>> = {
  OnlineBoutique: [
    { who: "Nezha", at: [0.9286, 0.9643, 0.9643] },
    { who: "Nezha without logs", at: [0.643, 0.643, 0.643] },
    { who: "PDiagnose", at: [0.411, 0.732, 0.821] },
    { who: "MicroRank", at: [0.411, 0.482, 0.625] },
    { who: "MicroRCA", at: [0.161, 0.625, 0.928] },
  ],
  TrainTicket: [
    { who: "Nezha", at: [0.8667, 0.9778, 0.9778] },
    { who: "Nezha without logs", at: [0.422, 0.444, 0.444] },
    { who: "PDiagnose", at: [0.089, 0.133, 0.222] },
    { who: "MicroRank", at: [0.156, 0.244, 0.356] },
    { who: "MicroRCA", at: [0.2, 0.311, 0.444] },
  ],
};

/** The application of a Nezha data set, by the services of its truth: TrainTicket's are all named ts-…-service. */
export function nezhaApplication(truths: readonly string[]): keyof typeof NEZHA_PUBLISHED {
  return truths.every((service) => service.startsWith("ts-")) ? "TrainTicket" : "OnlineBoutique";
}

/** Hardt et al., "The PetShop Dataset", CLeaR 2024: anomaly traversal with MAD > 5, by scenario and target metric. */
export const PETSHOP_PUBLISHED: Readonly<Record<string, readonly PublishedResult[]>> = {
  "low_traffic latency": [{ who: "anomaly traversal", at: [0.571, 0.571, null] }],
  "low_traffic availability": [{ who: "anomaly traversal", at: [0.833, 1, null] }],
  "high_traffic latency": [{ who: "anomaly traversal", at: [0.571, 0.786, null] }],
  "high_traffic availability": [{ who: "anomaly traversal", at: [0.667, 1, null] }],
};
