// swift-tools-version: 6.2
import PackageDescription

// The gateway beside its floors: what the same work costs in plain C on the same machine, in the same minutes.
// An own package without dependencies, so that measuring needs nothing but the finished program.

let gnu: [CSetting] = [.define("_GNU_SOURCE"), .define("_FILE_OFFSET_BITS", to: "64")]

let package = Package(
    name: "attendance-benchmarks",
    targets: [
        .target(name: "FloorSupport", cSettings: gnu),
        .executableTarget(name: "ack-floor", dependencies: ["FloorSupport"], cSettings: gnu),
        .executableTarget(name: "load", dependencies: ["FloorSupport"], cSettings: gnu),
        .executableTarget(name: "http-floor", dependencies: ["FloorSupport"], cSettings: gnu),
        .executableTarget(
            name: "sqlite-floor", dependencies: ["FloorSupport"], cSettings: gnu,
            linkerSettings: [.linkedLibrary("sqlite3")]),
        .executableTarget(
            name: "bench",
            swiftSettings: [.swiftLanguageMode(.v6), .treatAllWarnings(as: .error)]),
    ]
)
