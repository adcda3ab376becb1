// swift-tools-version: 6.2
import PackageDescription

// Swift 6.3 on Linux. One pure core, one technology per target, one place that knows everything:
// docs/architecture.md tells what each target is for and who may import whom.

let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .treatAllWarnings(as: .error),
]

let core: Target.Dependency = "AttendanceCore"
let store: Target.Dependency = "AttendanceStore"
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let metrics: Target.Dependency = .product(name: "Metrics", package: "swift-metrics")
let lifecycle: Target.Dependency = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let nioCore: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let nioPosix: Target.Dependency = .product(name: "NIOPosix", package: "swift-nio")
let nioHTTP: Target.Dependency = .product(name: "NIOHTTP1", package: "swift-nio")
let nioWebSocket: Target.Dependency = .product(name: "NIOWebSocket", package: "swift-nio")
let hummingbird: Target.Dependency = .product(name: "Hummingbird", package: "hummingbird")
let hummingbirdCore: Target.Dependency = .product(name: "HummingbirdCore", package: "hummingbird")
let httpTypes: Target.Dependency = .product(name: "HTTPTypes", package: "swift-http-types")
let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let httpClient: Target.Dependency = .product(name: "AsyncHTTPClient", package: "async-http-client")

let package = Package(
    name: "attendance-gateway",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "attendance-gateway", targets: ["attendance-gateway"])
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(
            url: "https://github.com/apple/swift-configuration", from: "1.4.0",
            traits: ["Logging"]),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.0"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.0"),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.0"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.0"),
        .package(url: "https://github.com/hummingbird-project/swift-mustache", from: "2.1.0"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2"),
    ],
    targets: [
        .target(name: "AttendanceCore", swiftSettings: strict),
        .target(
            name: "AttendanceStore",
            dependencies: [
                core, logging, metrics, lifecycle, crypto,
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "GRDBSQLite", package: "GRDB.swift"),
            ],
            swiftSettings: strict),
        .target(
            name: "AttendanceDelivery",
            dependencies: [
                core, store, logging, metrics, lifecycle, crypto, nioCore, nioHTTP, nioPosix, httpClient,
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "NIOTLS", package: "swift-nio"),
                .product(name: "Subprocess", package: "swift-subprocess"),
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: strict),
        .target(
            name: "AttendanceTerminals",
            dependencies: [
                core, store, logging, metrics, lifecycle, crypto, nioCore, nioPosix, nioHTTP, nioWebSocket,
                hummingbirdCore, httpTypes,
                .product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras"),
                .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
            ],
            swiftSettings: strict),
        .target(
            name: "AttendanceWeb",
            dependencies: [
                core, store, logging, metrics, lifecycle, hummingbird, httpTypes, nioCore, crypto,
                .product(name: "CryptoExtras", package: "swift-crypto"),
                .product(name: "Mustache", package: "swift-mustache"),
            ],
            // In the program itself: one file to install, and no page without its style.
            resources: [.embedInCode("Resources")],
            swiftSettings: strict),
        .target(
            name: "AttendanceSimulation",
            dependencies: [
                core, logging, lifecycle, nioCore, nioPosix, nioHTTP, nioWebSocket, hummingbird, httpTypes,
            ],
            swiftSettings: strict),
        .target(
            name: "AttendanceGateway",
            dependencies: [
                core, store, "AttendanceDelivery", "AttendanceTerminals", "AttendanceWeb",
                "AttendanceSimulation", logging, metrics, lifecycle, nioCore, nioPosix, hummingbird,
                hummingbirdCore, httpClient,
                .product(name: "HummingbirdHTTP2", package: "hummingbird"),
                .product(name: "NIOCertificateReloading", package: "swift-nio-extras"),
                .product(name: "NIOFoundationCompat", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Configuration", package: "swift-configuration"),
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: strict),
        .executableTarget(
            name: "attendance-gateway", dependencies: ["AttendanceGateway"], swiftSettings: strict,
            plugins: ["CommitStamp"]),
        .plugin(name: "CommitStamp", capability: .buildTool()),
        // For Benchmarks/, and no part of what is installed.
        .executableTarget(
            name: "journal-bench",
            dependencies: [core, store, logging, .product(name: "GRDB", package: "GRDB.swift")],
            swiftSettings: strict),

        .testTarget(
            name: "AttendanceCoreTests", dependencies: [core], resources: [.copy("Fixtures")],
            swiftSettings: strict),
        .testTarget(
            name: "AttendanceStoreTests",
            dependencies: [
                core, store, logging, lifecycle,
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "GRDBSQLite", package: "GRDB.swift"),
            ],
            swiftSettings: strict),
        .testTarget(
            name: "AttendanceDeliveryTests",
            dependencies: [
                core, store, "AttendanceDelivery", "AttendanceSimulation", crypto, logging, lifecycle,
                httpClient,
                nioCore, nioPosix, nioHTTP, .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ],
            swiftSettings: strict),
        .testTarget(
            name: "AttendanceTerminalsTests",
            dependencies: [
                core, store, "AttendanceTerminals", "AttendanceSimulation", hummingbird, logging, lifecycle,
                nioCore, nioPosix, nioHTTP,
                nioWebSocket, .product(name: "NIOEmbedded", package: "swift-nio"),
            ],
            swiftSettings: strict),
        .testTarget(
            name: "AttendanceSimulationTests",
            dependencies: [
                core, "AttendanceSimulation", httpClient, nioCore, nioPosix, nioHTTP, nioWebSocket,
            ],
            swiftSettings: strict),
        .testTarget(
            name: "AttendanceGatewayTests",
            dependencies: [
                core, store, "AttendanceGateway", "AttendanceWeb", logging, metrics, lifecycle, hummingbird,
                httpTypes,
                .product(name: "NIOEmbedded", package: "swift-nio"),
                .product(name: "Configuration", package: "swift-configuration"),
            ],
            swiftSettings: strict),
        .testTarget(
            name: "EndToEndTests",
            dependencies: [
                core, store, "AttendanceDelivery", "AttendanceGateway", "AttendanceSimulation",
                "AttendanceWeb", logging, httpClient,
                lifecycle, nioCore, nioPosix, nioHTTP,
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "GRDB", package: "GRDB.swift"),
                // The crash test starts the real program, so it must be built before the test runs.
                "attendance-gateway",
            ],
            swiftSettings: strict),
        .testTarget(
            name: "BrowserTests",
            dependencies: [
                core, store, "AttendanceGateway", "AttendanceSimulation", "AttendanceWeb", logging,
                lifecycle, httpClient, nioCore, nioPosix,
                // The first start is tried with the real program, so it must be built before the test runs.
                "attendance-gateway",
            ],
            swiftSettings: strict),
    ]
)
