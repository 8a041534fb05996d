//! FOCUS Parquet, in the types that exporters use.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Decimal128Array, Float64Array, MapBuilder, RecordBatch, StringArray, StringBuilder,
    StringDictionaryBuilder, TimestampNanosecondArray,
};
use arrow::datatypes::Int32Type;
use parquet::arrow::ArrowWriter;

use super::*;

/// A file of two rows with the given cost column; times in nanoseconds, tags as a map.
fn parquet(cost: ArrayRef) -> Vec<u8> {
    let rows = cost.len();
    let text = |value: &str| -> ArrayRef { Arc::new(StringArray::from(vec![value; rows])) };
    let time = |value: &str| -> ArrayRef {
        let us = Instant::parse(value).unwrap().0;
        Arc::new(TimestampNanosecondArray::from(vec![us * 1000; rows]).with_timezone("UTC"))
    };
    let mut service = StringDictionaryBuilder::<Int32Type>::new();
    let mut tags = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
    for _ in 0..rows {
        service.append_value("Amazon EC2");
        tags.keys().append_value("hub");
        tags.values().append_value("geo");
        tags.append(true).unwrap();
    }
    let ids: ArrayRef = Arc::new(StringArray::from_iter_values((0..rows).map(|row| format!("i-{row}"))));
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("Tags", Arc::new(tags.finish())),
        ("BilledCost", cost),
        ("BillingCurrency", text("USD")),
        ("BillingPeriodStart", time("2026-06-01T00:00:00Z")),
        ("BillingPeriodEnd", time("2026-07-01T00:00:00Z")),
        ("ChargePeriodStart", time("2026-06-30T00:00:00Z")),
        ("ChargePeriodEnd", time("2026-07-01T00:00:00Z")),
        ("BillingAccountId", text("0001")),
        ("SubAccountId", text("1111")),
        ("ChargeCategory", text("Usage")),
        ("x_Unused", text("?")),
        ("ServiceName", Arc::new(service.finish())),
        ("ResourceId", ids),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}

fn bill(cost: ArrayRef) -> BillFile {
    BillFile::from_bytes("june.parquet", parquet(cost).into(), None)
}

#[test]
fn decimals_doubles_and_texts_give_the_same_charges() {
    let decimals = Decimal128Array::from(vec![1_000_000_000_000_i128, -200_000_000_000])
        .with_precision_and_scale(38, 12)
        .unwrap();
    let columns: [ArrayRef; 3] = [
        Arc::new(decimals),
        Arc::new(Float64Array::from(vec![1.0, -0.2])),
        Arc::new(StringArray::from(vec!["1", "-0.2"])),
    ];
    for column in columns {
        let read = read(&[bill(column)]).unwrap();
        assert_eq!(read.billed(), "0.800000000000");
        assert_eq!(read.words("tags"), [r#"{"hub":"geo"}"#; 2]);
        assert_eq!(read.words("service_name"), ["Amazon EC2"; 2]);
        assert_eq!(read.words("resource_id"), ["i-0", "i-1"]);
        assert_eq!(read.words("status"), ["final"; 2]);
        assert!(read.file().rejects.is_empty());
    }
}

#[test]
fn doubles_are_read_by_their_shortest_text() {
    let read = read(&[bill(Arc::new(Float64Array::from(vec![0.1, 0.2, 1e-7])))]).unwrap();
    assert_eq!(read.words("billed_cost_text"), ["0.1", "0.2", "0.0000001"]);
    assert_eq!(read.billed(), "0.300000100000");
}

#[test]
fn a_double_that_is_no_number_is_refused_and_the_rest_lands() {
    let read = read(&[bill(Arc::new(Float64Array::from(vec![f64::NAN, 2.5])))]).unwrap();
    assert_eq!(read.billed(), "2.500000000000");
    says(read.first_reject(), &["BilledCost", "NaN"]);
    assert!(String::from_utf8_lossy(&read.file().rejects[0].bytes).contains("\"ResourceId\":\"i-0\""));
}

#[test]
fn a_cut_parquet_file_is_refused() {
    let bytes = parquet(Arc::new(StringArray::from(vec!["1"])));
    let cut = BillFile::from_bytes("june.parquet", bytes[..bytes.len() - 10].to_vec().into(), None);
    says(&refusal(&[cut]), &["june.parquet", "Parquet", "download it again"]);
}
