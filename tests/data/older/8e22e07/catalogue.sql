PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
INSERT INTO meta VALUES('catalogue','2cc8d5634888');
INSERT INTO meta VALUES('schema',1);
INSERT INTO meta VALUES('seq',3);
INSERT INTO meta VALUES('tidied',1795810119602005);
INSERT INTO meta VALUES('version',1795810119602005);
CREATE TABLE items (
    key INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    title_key TEXT NOT NULL,
    price REAL,
    currency TEXT,
    category TEXT,
    brand TEXT,
    brand_key TEXT,
    in_stock INTEGER,
    content_hash BLOB NOT NULL,
    text_hash BLOB,
    record TEXT NOT NULL
);
INSERT INTO items VALUES(1,'oak-chair','oak chair',80.0,'USD','Furniture > Chairs','Holm','holm',1,X'5a502773dc90c6978239a728a7c81a37',X'aa00a0851193d04920124a9bdcbc3198','{"id":"oak-chair","title":"Oak chair","description":"A solid oak chair with arms.","price":80.0,"currency":"USD","category":"Furniture > Chairs","brand":"Holm","url":null,"images":[],"audio":null,"video":null,"in_stock":true,"attributes":{"color":"brown"}}');
INSERT INTO items VALUES(2,'cafe-chair','cafe chair',100.0,'USD','Furniture > Chairs','Bistro','bistro',1,X'313bc302dbd6de19a9850a5213285f80',X'3822cabcd2f3b687e2114e9986c969b2','{"id":"cafe-chair","title":"Cafe chair","description":"A black steel chair for a cafe.","price":100.0,"currency":"USD","category":"Furniture > Chairs","brand":"Bistro","url":null,"images":[],"audio":null,"video":null,"in_stock":true,"attributes":{"color":"black"}}');
INSERT INTO items VALUES(3,'trail-shoe','trail running shoe',95.0,'USD','Shoes','Ridge','ridge',1,X'6edbdc709ff66a0776428019ae6f783e',X'c460a9ad064b9651875ceac5cd6c2091','{"id":"trail-shoe","title":"Trail running shoe","description":"A light shoe with a firm sole.","price":95.0,"currency":"USD","category":"Shoes","brand":"Ridge","url":null,"images":[],"audio":null,"video":null,"in_stock":true,"attributes":{"color":"blue","variants":[{"size":"42","price":95,"in_stock":true},{"size":"43","price":99,"in_stock":false}]}}');
CREATE TABLE categories (item INTEGER NOT NULL, name TEXT NOT NULL, PRIMARY KEY (name, item)) WITHOUT ROWID;
INSERT INTO categories VALUES(1,'chairs');
INSERT INTO categories VALUES(1,'furniture');
INSERT INTO categories VALUES(1,'furniture > chairs');
INSERT INTO categories VALUES(2,'chairs');
INSERT INTO categories VALUES(2,'furniture');
INSERT INTO categories VALUES(2,'furniture > chairs');
INSERT INTO categories VALUES(3,'shoes');
CREATE TABLE attributes (
    item INTEGER NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (name, value, item)
) WITHOUT ROWID;
INSERT INTO attributes VALUES(1,'color','brown');
INSERT INTO attributes VALUES(2,'color','black');
INSERT INTO attributes VALUES(3,'color','blue');
INSERT INTO attributes VALUES(3,'in_stock','true');
INSERT INTO attributes VALUES(3,'price','95');
INSERT INTO attributes VALUES(3,'price','99');
INSERT INTO attributes VALUES(3,'size','42');
INSERT INTO attributes VALUES(3,'size','43');
CREATE TABLE pictures (
    item INTEGER NOT NULL,
    position INTEGER NOT NULL,
    reference TEXT NOT NULL,
    state TEXT NOT NULL,
    reason TEXT,
    size INTEGER,
    mtime_ns INTEGER,
    hash BLOB,
    PRIMARY KEY (item, position)
) WITHOUT ROWID;
CREATE TABLE encoders (key INTEGER PRIMARY KEY, identity TEXT NOT NULL UNIQUE);
INSERT INTO encoders VALUES(1,'{"encoder":"all-minilm-l6-v2","weights":"53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db","preprocessing":"first 256 tokens, unit length","dimensions":384}');
INSERT INTO encoders VALUES(2,'{"encoder":"efficientnet-lite2","weights":"a78be184f4beabe2eed839fe7220b33025d1ee415967f082eee1f966f430fa9d","preprocessing":"upright RGB, bicubic to 260, middle 0.89; pooled features, unit length","dimensions":1280}');
INSERT INTO encoders VALUES(3,'{"encoder":"conse efficientnet-lite2 all-minilm-l6-v2","weights":"a78be184f4beabe2eed839fe7220b33025d1ee415967f082eee1f966f430fa9d 53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db","preprocessing":"upright RGB, bicubic to 260, middle 0.89; top 10 of names 571ae1c583b4be7d; centred; first 256 tokens, unit length","dimensions":384}');
CREATE TABLE spaces (space TEXT PRIMARY KEY, encoder INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO spaces VALUES('joint',3);
INSERT INTO spaces VALUES('text',1);
INSERT INTO spaces VALUES('visual',2);
CREATE TABLE vectors (
    encoder INTEGER NOT NULL, hash BLOB NOT NULL, vector BLOB NOT NULL, PRIMARY KEY (encoder, hash)
);
INSERT INTO vectors VALUES(1,X'aa00a0851193d04920124a9bdcbc3198',X'2857993d6681043d8e8ba2bc7d47483d167101bd89000abd5b06833da501fdbd514b8abb65d43f3cda7e41bc7a4cb2bd2314763d53a636bda09b35bda27920bdcfc3273d1e8aebbc2320b53cc78b333d45efe1bd47c8653d54dd833c2c82493d16b5433aaa9b883c918d153d8df7bcbc702d9ebc6b1bf5bcc255b5bbcee976bd3b91fabb02bc4abdde4b61bd63cc35bd708d39bdd766b8bc733a0bbd896d373c1add8dbd3a97f83bfd5ed13c399da33d022516bdd79d953da8959c3cb783c53b868538bd963cca3c242268bb589bc7bd6ed24cbd3790f23b16cc1bb96c48683d89bd96bdc1b94ebd31ba3abcbf77c2bc89b3e63ca3380e3c24b03f3b5391843ddce945bdfa3d003efea6c5bbc05986bdee08c7bd0756c0bddf27e43ac7a4e23c2703a03d71dc213d8bc3303c521f9f3a557f333defe2b7bb44118f3d3482a03b66ced4bdb3d4173d75f7c1bc3c868f3cbeccf2bc5e53c43d6ea434bc2e07cc3c84651bbebace8fbde7cc003d99ac5e3d3f995cbd067d69bc7db35abc0c60e33d81f1733ca0558a3d4d401f3d6dd821bc03cc473c75541a3dc5b9043ef30025bdf9b33cbeec9f03be6268f2bdbe5358bde687283d8db749bd6de9c53bcda24cbd14dab6bde6f260bdab210a3bf1e8923dbd4a15bb049b65bdd1f1693db39983bd5631473c1d09583d9e21883cd225ba3cc4675ebd163cb8bcf7c3533ddc3587896d41223dbcc6c1bd6b2c2a3d183264bca1f4633ded98ebbca5edb33cb11646bda91180bc19d9ab3b3d5c1d3d5d79eebcc16904ba01b6b5bdf340833dbca98f3dbf16033cce1d7b3c2443ddbc65a7c03c1d04d1bcf32c373e853229bc91348c3d054d8ebc87d6a8bc1259813c573e5e3c6f10c0bc78afbd3b7f50d5bce96f773a9d5a1bbd4d31ca3c536126bd74a86ebd36e185bd22bc19bc2583b2bb95b35a3c486712bde6f9683dcce5e33c82d7703db507063d7ab9a1bcff06833cd6aa213c791a1ebd8bd3a3bcb6a7b6bc13719a3dcb88803dd243d6bc84d806bd406ed63a60750f3d6f80853ddd6513bd22b5883c1193613c8fd8a13d45c04d3d2f7073bc573febbc47fccabbc08d9dbd106211bc7eb11f3dfad05cbc3f5b7d3da25e9b3c28d45f3dcf7f72b9f87edfbc53ccc03c7407093d932da6bd3671183ce73325bc126563bd6c6b5d3d08e820bd9b235d3dd81219bd4eb4e2bcd8768c3c40fbea3c0b9250bd642564bce13a61bda5e63b3da74c4dbdeba132bdb56818bcc3bd2a8941348c3d6d1493bdbf67bdbd9dd9f43c25f8103dd61d62bd45cc0dbd8f8ad6bc789d73bc1d6aa2bdb06a073df108863af57456bd7c916b3d35ef123d4026bebc9ebe8e3d41ee763d1f8e43bd6637fe3cf8b8943c39509c3d39fa123d914283baacfedabc40aecebc62404b3dcbc137bd49e5cebc5d38a5bb568f5dbd8a0cfbbc0c3a303da942ebb98de360bd496b2bbd344c5a3d3b67d1bd1533ffbc2841023d1e35af3d041427bd2620243da63afb3d80fa143bd10553bdeb4907be73126dbc2722e6bcafed0cbdd8c48a3b5c35313cfd85203d035809bd423c893ca24e01bd919ceabc483a6fbbb028803d6240023e697b83bdb591303d9588efbcbc96853d951a243dd64b21bd196d01bedb19e6bda15f3dbd3919c0bcb0bc0139da130bbd166e3ebb6807a93d84c5d93d98b98dbdc56dc03dadd3023dfc4b2f3d9014053d178f5ebda502133ddddbbf3d828e303da42ec53c70b2b9bc45aa8ebde42d48bc9a70053d305aa5bd4d26e2bb52094a3d480fcebca71c833d0c6fc6bc5fd6b9b262789fbc954ca33cf7bcfdbcbd9932bc5d3d5fbca43849bc3e2ed03da4e1443dfc279b3cc6c886bc46d9d8ba832b133daf9d80bcbab83fbc6ef7243c4318923a33561bbd78f3a8bc0bb459bbdccd31bce06d403d5c16c6bd1ce40b3b0ae6133da9069c3ae1622dbd219750bd541d3dbc5aa06bbc95f98e3db6de273c72f491bcc2e5473c791e9ebc3f5e0e3d0f110e3d42741fbd80c3163b5c9230bd9a92fe3bf506e1bd4e39bcbd16c293bde6ce27bd661f033d69a3bfbc8b208bbca2b5cd3dac6e0e3d351770bcebcc05bd6d12cabc1afe0a3dcfbd183d1fb785bc108465bd0b04053e2c06ddbb305e8f3cfb090b3ca0ccd03d81d4bab994fe163cc0507c3d');
INSERT INTO vectors VALUES(1,X'3822cabcd2f3b687e2114e9986c969b2',X'5830253d3e7fe23c071d5fbd14e8ee3d356ca7bc5f76533dffed9a3d1dcf94bd8ec74c3dc1242fbda56abe3c8919c4bd5f65c63df79485bd40069fbc03dc97bd9838673d269d03bdfa043b3d94655f3dd53ea5bdb5bd7bbc5db43a3cc1f7103baa8005bd5565c73cf122413db9b994bc3d9af5bcd9b11fbdc20e42bd18edcabcffa23a3d5851313ce21dec3b1c6d87bcbd05b13ca0965abc29e0013dc30f85baef82d5bda15ebd3ac0e75c3c3d18ee3a3c7fb23d911a063dd9c08f3d9d8241bd22c3bbbca8f23fbbb03ce5bcd05054bd135487bca2b21cbc39df183d895ffdbb1b6b9abc28e300bd13c01e3d1151b93cfe61843dd2a65cbdbed3cb3c1190853d753daa3bd9263e3dac6c80bd2a9b38bdd81237bce583a3bc5e79d1bc39e4843d5b3bc73d9075ebbcbd4153bd01c9c13b9b43a93d2fff70bc468a833c5258fc3b08bd6bbdf6de063d74fa2bbccd771cbbc6ce473c1ce7723d81ce4a3af6c5b13c12fcfbbde9c8c7bc6220003d1d69b03de91af9bc3963a5bcb639a0bd38d247bbca94e6bbde231b3d8ed77c3d3448173d584056bb4ab46c3d6d3ca53da65f0d3b397eddbd9c4754bde0c372bd5de294bb4110b23d41e1b6bc89af27bd954233bd6cccf1bdd8a61bbd49fe4dbdfd70063dc55fcd3c6379afbd8513e83d4f9ddc3c44cbdfbbf9b5e83c129096bd24b9b73c4b35e4bd556192bcc5f2183d11fd8c897246f63c07e840bd5a0ae73cb4a6273dd2c5273eb1cb273cda8e8abb78f9da3aa933933c6da60d3d3b19973d107d33bd17a1b7bc3f5f163de7ea123ddb0abfbc2c4b2cbcb20cd338712918bd464369bdf346f3bc004a9a3d70c24f3cdb227ebc3d7599bb578de03cbbb17ebc65dc253dd5c1703c5f91b0bc8675c33b648758bb2ce752bd78fb183daea998bd27ce94bd2a8efa3b783348bc4b1d2bbd62e7b73c5f60f5bd22c7623d45cba1bc361f773c7f21b93cece4293cf271023dfa5327bcea70c8bc54edd93bd8d695bd092def3b6e93aa3cfdbf10bb756ca6bb611dcfbd31824b3d1ac2543db7a6bfbb2c511a3c2dce263de189b13dd2de273d29f2b4bc3188f0bc57b3cd3cb97eafbb295b523a861d053e6d2541bd6147283d7770293d582f6a3d76ee3ebc622311bcf9c5313da1266ebd6069c0bc9dcf243b69348c3c2f7e2ebc25b3f23b76c0dc3b3338593cc5b6adbd7541b93c0ae2653d00d237bd825c43bdc59cf7bc25cb16bef99d523d538a23bc3cd35dbb98f78bbdd982b18834e9cb3d85e310bdb3240dbdfd4f10bd799b35bc13ebf5bc2d253fbd17edfdbda1448fbdc42210bd67c881bc5b51f6bc1607db3dcc87583dba6fc33c6043d03c92162e3da3fe7e3dddfc55bd5b1a443ce1f388bab1e3ab3d30d37a3a7cc18c3c2627bebc4b0d2f3c99d9463cf1337abcaddd5fbd62c2a23c1e68bdbdb09aeabcfebad63cbe105a3da640913c13d238bc60c169bd3153c7bc2be699bccd33823da475ad3db05cbbbda325a8bc0b1d2b3e627aefbbff1cc0bdd053c4bd4bba29bc6196203dac174fbd0e35be3cd46964bde01c21bd6c2815bd8538193d29c0333dec281abd12b882bde7d7b23cfcfac13d4a5f323c427c433dff3a43bdd5aa713d278b233d72bb433dc8f093bd72c15dbda0cc8e3c6dc016bda9e99f3d3fcaa5bcdc0d65bcc1a4f03dc8428dbc78f01abdd3e8ee3d5856c73c0c8b273ba395ef3c94e27fbd6dcd13bd9b6be83d0cc4f73c688e42bc46a63abd01797fbb4c432dbd0fd0aa3d6e98dbbc97b4c73ba7db993dde3fdb39f0977a3d30eb72bcf679b8b24d591cbda715b7bcd57eddbbd89f83bbce2043bc60a8b4bdb7f8443dba4ab0bd2c2e673b1474113d539e95bdbd27a33bdbc9d4b8e626253df42c0fbceb964bbb8e5ba93c7fdad3ba73320e3d69749f3dad683cbdead5d7bdde38983d50ff3dbd791f883c32908cbd1d6894bd0f47043db2a9c23c0beef33c88a7abbc4385a23c9fc4ddbbe0205bbd0225703d50339f3ceae96bbd750529bdc4cea7bd89ebd73bd81e00be495becbde7f8a8bd58ac3ebd056fe5bc970783bc052f9ebd51c78d3d0cd6483cb0fcd53cc8d041bc84699abc2ae48b3d46bf0e3c291ffebca52752bd60f3983d92af853d9ecaf33b54a0953d3f3a893db3e28a3cf1be30bd4947aabd');
INSERT INTO vectors VALUES(1,X'c460a9ad064b9651875ceac5cd6c2091',X'480426bdbe1f42bbe52e713b76d7553d9c5e053df2c05abc3311243dba40143d53ea54bc7658303d3608403d981dc23d55d900bd565ea13b005a0cbd6744d03da048eebc7506b53a3a0133bc31cdb7bccb5489bb8b4ed3bc976c673cd9cbdd3d298df6bd7fa7f93c793bcc3b21473b3d0a402cbbdef9b23c9fac8fbd23c66bbdafd0b43b2f3bf13baf684b3c0f0796bd3df4023d45609a3b76a497bdb1f8b43dac74083ddfaaf0bdd968dcbc4a42ab3c5f1aef3c6c8d9bbc500fcdb92572f13cf03f9abd36ea6a3d76486dbc1d3534bd3db397bd992d3a3b36a7cd3c472d1a3d81613ebda46bb3bbd29b8b3d190cbfbdc19df73d5065e73cd4f16fbda333413d7adb05bdbe441a3dc94f80bd66c954bd78dca63c43f87abb54280f3da1cf563c8c6f8e3db2593d3d11c082bd8c9909bc710ca33d8f50073c21be6dbdc8110ebdebee57bd78f106bde1fcbbbc857acabb61f6793c6217363d9eb635bbc125ac3bd1a95bbd1a7fbbbc711e6bbd205bae3c1c23a4bdcf2bc8bcf77e793ce59ac33ce9138cbcc01520bc98cfa8bc5c89493908572d3d792315bd7634503ca3ed683bc200b8bc53f40abdd8b21ebdf1bfa83dd072643d6a53f13cd5efd33c5ec8a6bd7d1f5ebd731b283d6c1719bd68f49cbd9902c4bd54b2053ecc54463d238dfd3d63c9703c08e2683ac9a33d3c115a80bdc65876bddd9859bd49eae53c7d1f95890233023d0380b53cc03d8ebcd68baabcb3fa45bde9d8f9bcfe7be13bf83286bd2ecbc8bde6669b3d43652ebbf08b263d99faf4bc4070683d74eeb83d29890abdef8b183d6165a5bc62622dbc7fe4c8bc47cc023c961a123e1b28973c4ec854b9c8d7a03dbc68c9bdf8a7be3c2fe68dbb4ff69f39edaed43cb07a573d0f7cb03be9912a3d894eca3a9b0687bc9a2f4abd61fe473c58a8bcbd87c189bcfd0fa73c9d510cbaeac3893b37e9863c3383a73acbecaebc4adacd3d37e1ad3d882ace3d27d709bd3bd94bbd119e46bd493ce93c8aa3f93c2dc98abd0bb5cc3cb6a158bda3f3e13c1183253de65829bd8493203d545fd53c25b39b3dae6f22bc153c80bdd6b4bfbd4f1b03be1bf34d3cf1c381bcc91ecd3b783e58bd080d12bcca9d7a3c1626033db055663d9d36173d3c7050bd1dcf2e3d0b8f983cc216a5bd6f708fbd6e57febd47d3fbbd6599c0bc715c593d1c7c9bbd2ec9263db865fa3b4174d5bc96b6653c6f2ea2bd982bbfbd6120953cae0abcbdc4e831bc7f9413bd027a96089924183d958d433d1b4c9f3cf162de3d561d3f3d3e4ed4bca14fcc3cd5828dbcbfb7563bc20eae3cdfd51e3c6cca0b3b917af1bc08cd643d8593273d73a3153c588b9a3c1644283da4d1683d87eabdbb216e43bd3895093d50202c3bbb6b93bca0a8a03cdf9d5a3d525b933d1448643c090f07bed9a01d3cf452123da566753cf0648e3c571a13bc59e98cbdbaa8233d8ee810bde701e0bdc72ba33c103b8e3c8997983df69f19bd9f2b903d91bc90bb100662bdd86fb8bda22da53b50776b3db492a9bd04e543bd2551463d213c2e3d6e7c9cbcc7ddbd3da59681bcc04a6dbdd598d0bd25ad833d0ce199bd049aa23d23bf0c3db939893cc70043bc9df91d3ccd17693d54a0bdbc1fbb78bcc9566abd73248abdc5978abc5034f3bb689300bd1b5f143d0264993d146f343bd72782bd832cd03a9df38ebd7322ddbb4495233d8e2686bd3ae6eabca4b3673d8769f03c4a078cba83ffc53db81465bcf82aa03de13e703dda683fbd9dd5123ef930373dcb8a983c4c16443ddef5b6bde676adb2adaa623d49f3fe3de18fed3c29fbcf3c36531b3de215f9bc7ca12f3dedf1a8bc1206963c39caac3c56a4fcbc9dac64bda87a5cbd7a5e173dd642893c6ef9263d583fa4bd87b4373dd7ed353aa23871bcb16d3ebdf4afe6bcdaa438ba9cf8c13d3a7fcbbcac305dbdcdafa43c430388bd5ff8ae3d26f78b3dd9bd8bbbe607223dbd86603d515490bd9ef31abdaa6dc53dd20150bd7ebd2b3d35f2e3bcab97cb3cb03dd7bc74a79dbcc3569c3b01368bbc417df5bc4da256bde3df07bd57cd963d9a3cb8bdb603bebbeb3540bd485c1bbcb57581bb2c65b83cc4432d3da60d60bde2dfd4bcb6866c3c4bfa15bce032a6bcddd2e53ba32b12be6e3a3abbb5cafcbb');
CREATE TABLE places (
    space TEXT NOT NULL,
    item INTEGER NOT NULL,
    position INTEGER NOT NULL,
    hash BLOB NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (space, item, position)
) WITHOUT ROWID;
INSERT INTO places VALUES('text',1,0,X'aa00a0851193d04920124a9bdcbc3198',1);
INSERT INTO places VALUES('text',2,0,X'3822cabcd2f3b687e2114e9986c969b2',2);
INSERT INTO places VALUES('text',3,0,X'c460a9ad064b9651875ceac5cd6c2091',3);
CREATE TABLE removed (space TEXT NOT NULL, seq INTEGER NOT NULL, place TEXT NOT NULL, PRIMARY KEY (space, seq))
    WITHOUT ROWID;
PRAGMA writable_schema=ON;
INSERT INTO sqlite_schema(type,name,tbl_name,rootpage,sql)VALUES('table','words','words',0,'CREATE VIRTUAL TABLE words USING fts5 (title, facts, attributes, description, tokenize = ''ascii'')');
CREATE TABLE IF NOT EXISTS 'words_data'(id INTEGER PRIMARY KEY, block BLOB);
INSERT INTO words_data VALUES(1,X'03070e1814');
INSERT INTO words_data VALUES(10,X'000000000103030003010101020101030101');
INSERT INTO words_data VALUES(137438953473,X'0000008602306101060103020202726d0106010307010562726f776e010601020301056368616972010e0301010301030502046f6c6f72010601020201086675726e6974757201060101020104686f6c6d010601010501036f616b0108020103040105736f6c6964010601030301047769746801060103060103ee8080010e010104040102040408090c100b0f0b0b0c0b');
INSERT INTO words_data VALUES(274877906945,X'00000080023061020801030207010662697374726f020601010502046c61636b020c010203010303010463616665020802010308020468616972020e0301010301030502046f6c6f7202060102020103666f720206010306020775726e6974757202060101020105737465656c02060103040103ee8080020e0101040401020404090d0e0c0f0b0a0e0c');
INSERT INTO words_data VALUES(412316860417,X'000000dc033034320306010206020133030601020f01023935030601020902013903060102120101610308010302060104626c756503060102030105636f6c6f72030601020201046669726d03060103070102696e030601020b01056c6967687403060103030105707269636503080102080b01047269646703060101040202756e030203010473686f65030e040101020103040203697a6503080102050b02036f6c6503060103080204746f636b030601020c0105747261696c03020201047769746803060103050103ee808003180101030401020405050505050409080908090b0c0b090c0d0b070f0b0a0b0a0b');
CREATE TABLE IF NOT EXISTS 'words_idx'(segid, term, pgno, PRIMARY KEY(segid, term)) WITHOUT ROWID;
INSERT INTO words_idx VALUES(1,X'',2);
INSERT INTO words_idx VALUES(2,X'',2);
INSERT INTO words_idx VALUES(3,X'',2);
CREATE TABLE IF NOT EXISTS 'words_content'(id INTEGER PRIMARY KEY, c0, c1, c2, c3);
INSERT INTO words_content VALUES(1,'oak chair','furnitur chair  holm ','color brown ','a solid oak chair with arm');
INSERT INTO words_content VALUES(2,'cafe chair','furnitur chair  bistro ','color black ','a black steel chair for a cafe');
INSERT INTO words_content VALUES(3,'trail run shoe','shoe  ridg ','color blue  size 42  price 95  in stock  size 43  price 99 ','a light shoe with a firm sole');
CREATE TABLE IF NOT EXISTS 'words_docsize'(id INTEGER PRIMARY KEY, sz BLOB);
INSERT INTO words_docsize VALUES(1,X'02050306');
INSERT INTO words_docsize VALUES(2,X'02050307');
INSERT INTO words_docsize VALUES(3,X'03041207');
CREATE TABLE IF NOT EXISTS 'words_config'(k PRIMARY KEY, v) WITHOUT ROWID;
INSERT INTO words_config VALUES('version',4);
DELETE FROM sqlite_sequence;
INSERT INTO sqlite_sequence VALUES('items',3);
CREATE INDEX items_price ON items (price);
CREATE INDEX items_brand ON items (brand_key);
CREATE INDEX items_title ON items (title_key);
CREATE INDEX categories_item ON categories (item);
CREATE INDEX attributes_item ON attributes (item);
CREATE INDEX places_seq ON places (space, seq);
CREATE INDEX places_hash ON places (hash);
PRAGMA writable_schema=OFF;
COMMIT;
