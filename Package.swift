// swift-tools-version: 6.2
import PackageDescription

let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let argumentParser = Target.Dependency.product(
    name: "ArgumentParser", package: "swift-argument-parser")
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioHPACK = Target.Dependency.product(name: "NIOHPACK", package: "swift-nio-http2")
let nioHTTP2 = Target.Dependency.product(name: "NIOHTTP2", package: "swift-nio-http2")
let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
let protobuf = Target.Dependency.product(name: "SwiftProtobuf", package: "swift-protobuf")
let grpcCore = Target.Dependency.product(name: "GRPCCore", package: "grpc-swift-2")
let grpcProtobuf = Target.Dependency.product(
    name: "GRPCProtobuf", package: "grpc-swift-protobuf")
let grpcTransport = Target.Dependency.product(
    name: "GRPCNIOTransportHTTP2Posix", package: "grpc-swift-nio-transport")

let package = Package(
    name: "nexus-ledger",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "nexus-ledger", targets: ["nexus-ledger"])
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/apple/swift-crypto", exact: "4.5.2"),
        .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-http2", exact: "1.46.0"),
        .package(url: "https://github.com/apple/swift-protobuf", exact: "1.39.0"),
        .package(url: "https://github.com/groue/GRDB.swift", exact: "7.10.0"),
        .package(url: "https://github.com/grpc/grpc-swift-2", exact: "2.4.3"),
        .package(url: "https://github.com/grpc/grpc-swift-nio-transport", exact: "2.9.2"),
        .package(url: "https://github.com/grpc/grpc-swift-protobuf", exact: "2.4.1"),
    ],
    targets: [
        .systemLibrary(name: "CLibPQ", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
        .target(name: "LedgerCore", dependencies: [crypto]),
        .target(name: "Postgres", dependencies: ["CLibPQ"]),
        .target(name: "Projections", dependencies: ["LedgerCore"], path: "Projections"),
        .target(name: "Admission", dependencies: ["LedgerCore", "Projections"]),
        .target(
            name: "EventStore",
            dependencies: ["Postgres", "LedgerCore", "Admission", "Projections", crypto]),
        .target(name: "Outbox", dependencies: ["LedgerCore", grdb]),
        .target(
            name: "AppendPipeline",
            dependencies: ["EventStore", "Outbox", "Admission", "LedgerCore", "Postgres"]),
        .target(
            name: "ProjectionEngine",
            dependencies: ["Projections", "EventStore", "Postgres", "LedgerCore", crypto]),
        .target(name: "ConfigStore", dependencies: ["Postgres", "LedgerCore"]),
        .target(
            name: "LedgerRPC",
            dependencies: [
                "AppendPipeline", "ConfigStore", "ProjectionEngine", "EventStore", "Outbox",
                "Projections",
                "Admission", "LedgerCore", "Postgres", grpcCore, grpcProtobuf, grpcTransport,
                protobuf, nioCore, nioPosix, nioHPACK, nioHTTP2,
            ],
            exclude: ["Protos"]),
        .target(
            name: "LedgerService",
            dependencies: [
                "LedgerRPC", "AppendPipeline", "ConfigStore", "ProjectionEngine", "EventStore",
                "Outbox", "Projections", "Admission", "LedgerCore", "Postgres", "Schema", logging,
                grpcCore,
            ]),
        .target(
            name: "Schema", dependencies: ["Postgres"], path: "sql",
            exclude: [
                "docs", "examples", "plans", "queries", "tests", "migrations", "migrations.list",
                "schema.sql", "squawk.toml",
            ],
            sources: ["Schema.swift"],
            plugins: ["EmbedMigrations"]),
        .executableTarget(name: "embed-migrations", path: "Sources/embed-migrations"),
        .plugin(
            name: "EmbedMigrations", capability: .buildTool(),
            dependencies: ["embed-migrations"], path: "Sources/EmbedMigrations"),
        .executableTarget(
            name: "nexus-ledger",
            dependencies: [
                "LedgerService", "LedgerRPC", "Admission", "Projections", "LedgerCore",
                "ConfigStore", "AppendPipeline", "EventStore", "Outbox", "Postgres",
                "ProjectionEngine", "Schema",
                argumentParser, logging, grdb, grpcCore, grpcTransport, grpcProtobuf,
            ]),
        .target(
            name: "LedgerTesting", dependencies: ["Postgres", "LedgerCore"]),
        .testTarget(name: "LedgerCoreTests", dependencies: ["LedgerCore", "LedgerTesting"]),
        .testTarget(name: "PostgresTests", dependencies: ["Postgres", "LedgerTesting"]),
        .testTarget(
            name: "LedgerServiceTests",
            dependencies: [
                "LedgerService", "Postgres", "LedgerTesting", "LedgerCore", "Projections",
                "Admission",
            ]),
        .testTarget(
            name: "LedgerRPCTests",
            dependencies: ["LedgerRPC", grpcCore, grpcTransport, nioCore]),
        .testTarget(
            name: "ProjectionsTests",
            dependencies: ["Projections", "LedgerCore", "LedgerTesting", "Admission"]),
        .testTarget(
            name: "AdmissionTests",
            dependencies: ["Admission", "LedgerCore", "LedgerTesting", "Projections"]),
        .testTarget(
            name: "AppendPipelineTests",
            dependencies: ["AppendPipeline", "Admission", "Postgres", "LedgerCore"]),
        .testTarget(
            name: "SimulationTests",
            dependencies: [
                "Admission", "AppendPipeline", "EventStore", "LedgerCore", "LedgerTesting",
                "Outbox", "Postgres", "ProjectionEngine", "Projections",
            ]),
        .testTarget(
            name: "OutboxTests", dependencies: ["Outbox", "LedgerCore", "LedgerTesting", grdb]),
        .testTarget(name: "TidyTests"),
        .testTarget(
            name: "CLITests",
            dependencies: ["nexus-ledger", "LedgerTesting", "Postgres", "LedgerCore"]),
        .testTarget(
            name: "IntegrationTests",
            dependencies: [
                "Admission", "AppendPipeline", "ConfigStore", "EventStore", "LedgerCore",
                "LedgerRPC",
                "LedgerService", "LedgerTesting", "Postgres", "ProjectionEngine", "Projections",
                "Schema", crypto,
            ]),
    ]
)
