;; A connector that somebody else wrote, with holes in double braces that guests.rs fills. Without more it is honest: `send`
;; publishes one message with QoS 1 and says what became of it.
;;
;; What stands where in its memory:
;;      16  the answer it gives
;;     256  texts
;;    2048  the arguments of publish: connect options (256 bytes), messages (8), retry policy (8)
;;    3072  what publish answers
;;    3584  the broker
;;    4096  one message
;;   65536  what the host is given for its arguments, from here up
(component
  (type $publisher
    (instance
      (type (;0;) (enum "tcp" "tls" "websocket" "websocket-tls"))
      (export (;1;) "transport" (type (eq 0)))
      (type (;2;) (record (field "transport" 1) (field "host" string) (field "port" u16) (field "path" string)))
      (export (;3;) "broker" (type (eq 2)))
      (type (;4;) (enum "v311" "v5"))
      (export (;5;) "protocol-version" (type (eq 4)))
      (type (;6;) (option string))
      (type (;7;) (record (field "username" 6) (field "password" 6)))
      (export (;8;) "credentials" (type (eq 7)))
      (type (;9;) (enum "at-most-once" "at-least-once" "exactly-once"))
      (export (;10;) "qos" (type (eq 9)))
      (type (;11;) (list u8))
      (type (;12;) (option u32))
      (type (;13;) (record
        (field "delay-interval" u32) (field "payload-format-indicator" bool) (field "message-expiry-interval" 12)
        (field "content-type" 6)))
      (export (;14;) "will-properties" (type (eq 13)))
      (type (;15;) (option 14))
      (type (;16;) (record
        (field "topic" string) (field "payload" 11) (field "qos" 10) (field "retain" bool) (field "properties" 15)))
      (export (;17;) "will" (type (eq 16)))
      (type (;18;) (variant (case "file" string) (case "text" string)))
      (export (;19;) "pem" (type (eq 18)))
      (type (;20;) (record (field "certificate" 19) (field "private-key" 19) (field "private-key-password" 6)))
      (export (;21;) "client-identity" (type (eq 20)))
      (type (;22;) (option 19))
      (type (;23;) (option 21))
      (type (;24;) (list string))
      (type (;25;) (record
        (field "root-ca" 22) (field "identity" 23) (field "server-name" 6) (field "alpn-protocols" 24)
        (field "verify-server" bool)))
      (export (;26;) "tls-options" (type (eq 25)))
      (type (;27;) (record (field "name" string) (field "value" string)))
      (export (;28;) "websocket-header" (type (eq 27)))
      (type (;29;) (enum "socks5" "http"))
      (export (;30;) "proxy-protocol" (type (eq 29)))
      (type (;31;) (option 8))
      (type (;32;) (record
        (field "protocol" 30) (field "host" string) (field "port" u16) (field "credentials" 31)))
      (export (;33;) "proxy" (type (eq 32)))
      (type (;34;) (list 3))
      (type (;35;) (option 33))
      (type (;36;) (option 17))
      (type (;37;) (option 26))
      (type (;38;) (list 28))
      (type (;39;) (record
        (field "brokers" 34) (field "proxy" 35) (field "protocol-version" 5) (field "client-id" string)
        (field "credentials" 31) (field "clean-session" bool) (field "keep-alive" u16) (field "will" 36)
        (field "tls" 37) (field "websocket-headers" 38) (field "session-expiry-interval" 12)))
      (export (;40;) "connect-options" (type (eq 39)))
      (type (;41;) (option 11))
      (type (;42;) (tuple string string))
      (type (;43;) (list 42))
      (type (;44;) (record
        (field "payload-format-indicator" bool) (field "content-type" 6) (field "response-topic" 6)
        (field "correlation-data" 41) (field "message-expiry-interval" 12) (field "user-properties" 43)))
      (export (;45;) "publish-properties" (type (eq 44)))
      (type (;46;) (option 45))
      (type (;47;) (record
        (field "topic" string) (field "payload" 11) (field "qos" 10) (field "retain" bool) (field "properties" 46)))
      (export (;48;) "message" (type (eq 47)))
      (type (;49;) (record (field "timeout" u32) (field "retries" u8)))
      (export (;50;) "retry-policy" (type (eq 49)))
      (type (;51;) (record
        (field "qos" 10) (field "reason-code" u8) (field "broker" u32) (field "assigned-client-id" 6)
        (field "elapsed-microseconds" u64)))
      (export (;52;) "receipt" (type (eq 51)))
      (type (;53;) (record
        (field "broker" u32) (field "code" u8) (field "reason" string) (field "server-reference" 6)))
      (export (;54;) "refusal" (type (eq 53)))
      (type (;55;) (enum "not-sent" "sent-unacknowledged"))
      (export (;56;) "progress" (type (eq 55)))
      (type (;57;) (record (field "broker" u32) (field "progress" 56) (field "reason" string)))
      (export (;58;) "failure" (type (eq 57)))
      (type (;59;) (record (field "progress" 56) (field "refusal" 54)))
      (export (;60;) "disconnection" (type (eq 59)))
      (type (;61;) (variant
        (case "denied" string) (case "unusable-credential" string) (case "host-not-found" string)
        (case "unreachable" string) (case "tls" string) (case "connection-refused" 54) (case "publish-refused" 54)
        (case "disconnected" 60) (case "connection-lost" 58) (case "timed-out" 58) (case "too-large" string)
        (case "protocol" 58) (case "shortage" string)))
      (export (;62;) "error" (type (eq 61)))
      (type (;63;) (list 48))
      (type (;64;) (result 52 (error 62)))
      (type (;65;) (list 64))
      (type (;66;) (result 65 (error 62)))
      (type (;67;) (func (param "options" 40) (param "messages" 63) (param "policy" 50) (result 66)))
      (export (;0;) "publish" (func (type 67)))
      {{publisher}}
    )
  )
  (import "flint:mqtt/publisher@0.2.0" (instance $publisher (type $publisher)))
  {{imports}}

  ;; The memory, and how the host gets room in it. It stands apart because `publish` cannot be lowered without it.
  (core module $room
    (memory (export "memory") {{memory}})
    (global $next (mut i32) (i32.const 65536))
    {{room}}
    (func (export "realloc") (param $old i32) (param $size i32) (param $align i32) (param $new i32) (result i32)
      {{realloc}}
      (global.set $next (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
      (global.get $next)
      (global.set $next (i32.add (global.get $next) (local.get $new))))
  )
  (core instance $room (instantiate $room))
  (alias core export $room "memory" (core memory $memory))
  (alias core export $room "realloc" (core func $realloc))
  (alias export $publisher "publish" (func $publish))
  (core func $publish (canon lower (func $publish) (memory $memory) (realloc $realloc)))
  {{lowered}}

  (core module $main
    (import "room" "memory" (memory 1))
    (import "host" "publish" (func $publish (param i32 i32)))
    {{core-imports}}
    (data (i32.const 256) "127.0.0.1")
    (data (i32.const 272) "somebody")
    (data (i32.const 288) "t")
    (data (i32.const 512) "said by somebody else's connector")

    ;; An answer: an exit code and a text.
    (func $answer (param $code i32) (param $text i32) (param $length i32) (result i32)
      (i32.store (i32.const 16) (local.get $code))
      (i32.store (i32.const 20) (local.get $text))
      (i32.store (i32.const 24) (local.get $length))
      (i32.const 16))
    (func $say (param $code i32) (result i32) (call $answer (local.get $code) (i32.const 512) (i32.const 33)))

    ;; Whether `publish` is to be called with what stands in the hole instead.
    (global $odd (mut i32) (i32.const 0))

    ;; Publishes as many messages as it is told, all alike; 0 is success.
    (func $publish-some (param $count i32) (result i32)
      (local $at i32)
      (i32.store (i32.const 3588) (i32.const 256)) (i32.store (i32.const 3592) (i32.const 9)) ;; host
      (i32.store16 (i32.const 3596) (i32.const {{port}}))
      (i32.store (i32.const 2048) (i32.const 3584)) (i32.store (i32.const 2052) (i32.const 1)) ;; brokers
      (i32.store (i32.const 2108) (i32.const 272)) (i32.store (i32.const 2112) (i32.const 8)) ;; client-id
      (i32.store8 (i32.const 2144) (i32.const 1)) ;; clean-session
      (i32.store (i32.const 2304) (i32.const 4096)) (i32.store (i32.const 2308) (local.get $count)) ;; messages
      (i32.store (i32.const 2312) (i32.const 5000)) ;; timeout
      (local.set $at (i32.const 4096))
      (block $done
        (loop $next
          (br_if $done (i32.eqz (local.get $count)))
          (i32.store (local.get $at) (i32.const 288)) (i32.store offset=4 (local.get $at) (i32.const 1)) ;; topic
          (i32.store offset=8 (local.get $at) (i32.const 512)) (i32.store offset=12 (local.get $at) (i32.const 33))
          (i32.store8 offset=16 (local.get $at) (i32.const 1)) ;; QoS
          (local.set $at (i32.add (local.get $at) (i32.const 80)))
          (local.set $count (i32.sub (local.get $count) (i32.const 1)))
          (br $next)))
      (if (global.get $odd) (then {{arguments}}))
      {{instead}}
      (call $publish (i32.const 2048) (i32.const 3072))
      (if (result i32) (i32.load8_u (i32.const 3072))
        (then (i32.const 1))
        ;; A list of results: the first of them.
        (else
          (if (result i32) (i32.load (i32.const 3080))
            (then (i32.load8_u (i32.load (i32.const 3076))))
            (else (i32.const 1))))))
    {{items}}

    ;; `{}` as the request asks for what the hole does; anything else for an honest send.
    (func (export "send") (param $config i32) (param i32) (param $request i32) (param $length i32) (result i32)
      (local $at i32)
      (if (i32.eq (local.get $length) (i32.const 2)) (then {{send}}))
      (if (result i32) (call $publish-some (i32.const 1))
        (then (call $say (i32.const 69)))
        (else (call $say (i32.const 0)))))
    (func (export "send-batch") (param i32 i32 i32 i32) (result i32) (local $at i32) {{send-batch}} unreachable)
    (func (export "check") (param i32 i32 i32 i32) (result i32) {{check}} (call $say (i32.const 0)))
    (func (export "schema") (result i32)
      {{schema}}
      (i32.store (i32.const 16) (i32.const 512)) (i32.store (i32.const 20) (i32.const 33)) (i32.const 16))
    (func (export "post-return") (param i32) {{post-return}})
  )
  (core instance $main (instantiate $main
    (with "room" (instance $room))
    (with "host" (instance (export "publish" (func $publish)) {{core-exports}}))))

  (type $json string)
  (type $meta (record (field "exit-code" s32) (field "message" string)))
  (type $response (record (field "meta" $meta)))
  (type $send (func (param "config" $json) (param "request" $json) (result $response)))
  (type $send-batch (func (param "config" $json) (param "requests" (list $json)) (result (list $response))))
  (type $schema (func (result $json)))
  (func $send (type $send) (canon lift (core func $main "send") (memory $memory) (realloc $realloc)
    (post-return (core func $main "post-return"))))
  (func $send-batch (type $send-batch) (canon lift (core func $main "send-batch") (memory $memory) (realloc $realloc)))
  (func $check (type $send) (canon lift (core func $main "check") (memory $memory) (realloc $realloc)))
  (func $schema (type $schema) (canon lift (core func $main "schema") (memory $memory) (realloc $realloc)))

  ;; An instance can only export what is made of named types.
  (component $named
    (type (;0;) string)
    (import "import-type-json-object" (type (;1;) (eq 0)))
    (type (;2;) (record (field "exit-code" s32) (field "message" string)))
    (import "import-type-meta" (type (;3;) (eq 2)))
    (type (;4;) (record (field "meta" 3)))
    (import "import-type-response" (type (;5;) (eq 4)))
    (type (;6;) (func (param "config" 1) (param "request" 1) (result 5)))
    (import "import-func-send" (func (;0;) (type 6)))
    (type (;7;) (list 1))
    (type (;8;) (list 5))
    (type (;9;) (func (param "config" 1) (param "requests" 7) (result 8)))
    (import "import-func-send-batch" (func (;1;) (type 9)))
    (import "import-func-check" (func (;2;) (type 6)))
    (type (;10;) (func (result 1)))
    (import "import-func-schema" (func (;3;) (type 10)))
    (type (;11;) string)
    (export (;12;) "json-object" (type 11))
    (type (;13;) (record (field "exit-code" s32) (field "message" string)))
    (export (;14;) "meta" (type 13))
    (type (;15;) (record (field "meta" 14)))
    (export (;16;) "response" (type 15))
    (type (;17;) (func (param "config" 12) (param "request" 12) (result 16)))
    (export (;4;) "send" (func 0) (func (type 17)))
    (type (;18;) (list 12))
    (type (;19;) (list 16))
    (type (;20;) (func (param "config" 12) (param "requests" 18) (result 19)))
    (export (;5;) "send-batch" (func 1) (func (type 20)))
    (export (;6;) "check" (func 2) (func (type 17)))
    (type (;21;) (func (result 12)))
    (export (;7;) "schema" (func 3) (func (type 21)))
  )
  (instance $connector (instantiate $named
    (with "import-func-send" (func $send))
    (with "import-func-send-batch" (func $send-batch))
    (with "import-func-check" (func $check))
    (with "import-func-schema" (func $schema))
    (with "import-type-json-object" (type $json))
    (with "import-type-meta" (type $meta))
    (with "import-type-response" (type $response))))
  (export "flint:mqtt/connector@0.2.0" (instance $connector))
)
