import { transportConformance } from "../conformance/transport.js";
import { RealWorld } from "./real-world.js";

transportConformance("gRPC", () => new RealWorld());
